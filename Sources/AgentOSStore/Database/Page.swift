import AgentOSCore

/// A page of a list, as it is asked for.
public struct PageRequest: Sendable {
    /// Where the page before it ended; nil for the first one.
    public var after: ListPlace?
    public var limit: Int

    public init(after: ListPlace? = nil, limit: Int) {
        self.after = after
        self.limit = limit
    }

    /// The key of a list that is sorted by keys alone.
    /// - Parameter start: stands for the place before the first row.
    /// - Throws: VALIDATION_ERROR naming `cursor` when that is another list's.
    public func key(start: Int64) throws -> Int64 {
        guard let after else { return start }
        guard after.values.count == 1, case .int(let key)? = after.values.first else { throw ListPlace.unknown }
        return key
    }

    /// The name of a list that is sorted by names, none of which is empty.
    /// - Throws: VALIDATION_ERROR naming `cursor` when that is another list's.
    func name() throws -> String {
        guard let after else { return "" }
        guard after.values.count == 1, case .text(let name)? = after.values.first else { throw ListPlace.unknown }
        return name
    }

    /// Time and key of a list that is sorted by both, the newest first.
    /// - Throws: VALIDATION_ERROR naming `cursor` when that is another list's.
    func timeAndKey() throws -> (time: Int64, key: Int64) {
        guard let after else { return (.max, .max) }
        guard after.values.count == 2, case .int(let time)? = after.values.first,
            case .int(let key)? = after.values.last
        else { throw ListPlace.unknown }
        return (time, key)
    }
}

/// A page of a list, and where the next one begins.
public struct Page<Item: Sendable>: Sendable {
    public let items: [Item]
    /// The place behind which the list goes on; nil when this was the rest of it.
    public let end: ListPlace?

    init(_ items: [Item], end: ListPlace? = nil) {
        self.items = items
        self.end = end
    }

    /// - Parameter found: up to one more than was asked for, each with its place.
    init(found: [(Item, ListPlace)], _ request: PageRequest) {
        let shown = found.prefix(request.limit)
        self.init(shown.map(\.0), end: found.count > request.limit ? shown.last?.1 : nil)
    }

    /// A page of a list that is at hand as a whole.
    /// - Parameter all: in the order of their places, no two of which are the same.
    /// - Throws: VALIDATION_ERROR naming `cursor` when that is another list's.
    public init(of all: [Item], _ request: PageRequest, by place: (Item) -> ListPlace) throws {
        var rest = all.map { ($0, place($0)) }
        if let after = request.after {
            if let first = rest.first, !first.1.isAlike(after) { throw ListPlace.unknown }
            rest.removeAll { $0.1 <= after }
        }
        self.init(found: rest, request)
    }

    /// A page of a list that is at hand as a whole and always the same: a place in it is a number.
    /// - Throws: VALIDATION_ERROR naming `cursor` when that is another list's.
    public init(of all: [Item], _ request: PageRequest) throws {
        let passed = Int(min(max(0, try request.key(start: 0)), Int64(all.count)))
        let shown = all.dropFirst(passed).prefix(request.limit)
        let next = passed + shown.count
        self.init(Array(shown), end: next < all.count ? ListPlace(.int(Int64(next))) : nil)
    }
}

extension SQLConnection {
    /// The rows of a page.
    /// - Parameter sql: ends with the `LIMIT`, whose number is the last of the arguments and is added here.
    func page<Item: Sendable>(
        _ request: PageRequest, _ sql: String, _ arguments: [SQLValue],
        _ decode: (any SQLRow) throws -> (Item, ListPlace)
    ) throws -> Page<Item> {
        Page(found: try rows(sql, arguments + [.int(Int64(request.limit) + 1)], decode), request)
    }
}
