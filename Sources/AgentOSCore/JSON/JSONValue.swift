/// A JSON tree, for the places where the server looks inside: control-plane parameters, tool arguments, replies of
/// providers. What merely passes through stays bytes.
///
/// Numbers keep their literal, so that integers beyond 64 bits and decimal fractions come back as they were sent;
/// objects keep the order of their members.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The literal as sent. `NaN` and the infinities can stand here; they are written as `null`.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    public static func int(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    public static func double(_ value: Double) -> JSONValue { .number("\(value)") }

    public static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    public static func optionalInt(_ value: (some BinaryInteger)?) -> JSONValue { value.map { .int($0) } ?? .null }

    public static func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.iso8601) } ?? .null }

    public var stringValue: String? { if case .string(let text) = self { text } else { nil } }

    public var boolValue: Bool? { if case .bool(let flag) = self { flag } else { nil } }

    public var objectValue: JSONObject? { if case .object(let object) = self { object } else { nil } }

    public var arrayValue: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

    public var isNull: Bool { self == .null }

    /// The number, when it is finite.
    public var doubleValue: Double? {
        guard case .number(let literal) = self, let value = Double(literal), value.isFinite else { return nil }
        return value
    }

    /// The number, when it has an integral value that fits 64 bits, in any notation (`5`, `5.0`, `1e3`).
    public var intValue: Int? {
        guard case .number(let literal) = self else { return nil }
        if let exact = Int(literal) { return exact }
        return Double(literal).flatMap { Int(exactly: $0) }
    }

    /// A count as others report it, brought into 0 to 2^50, so that sums of counts cannot overflow.
    public var countValue: Int? { intValue.map { min(max(0, $0), 1 << 50) } }

    /// What kind of value this is, in the words of an error message.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    public subscript(_ key: String) -> JSONValue? { objectValue?[key] }
}

/// The members of an object, in order. A name that is given twice keeps its place and takes the last value. Names are
/// the same when their code points are: Swift's own comparison takes composed and decomposed letters for equal.
public struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public private(set) var members: [(key: String, value: JSONValue)]
    /// Names that occurred more than once in the parsed text: typed readers refuse those.
    public internal(set) var repeated: Set<String> = []
    private var index: [[UInt8]: Int] = [:]

    public init() { members = [] }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init()
        for (key, value) in elements { self[key] = value }
    }

    public init(_ pairs: some Sequence<(String, JSONValue)>) {
        self.init()
        for (key, value) in pairs { self[key] = value }
    }

    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }
    public var count: Int { members.count }

    // A linear search wins for the handful of members most objects have.
    private func place(of key: String) -> Int? {
        if members.count > 12 { return index[Array(key.utf8)] }
        for position in members.indices where members[position].key.utf8.elementsEqual(key.utf8) { return position }
        return nil
    }

    public subscript(_ key: String) -> JSONValue? {
        get { place(of: key).map { members[$0].value } }
        set {
            if let position = place(of: key) {
                if let newValue {
                    members[position].value = newValue
                } else {
                    members.remove(at: position)
                    rebuildIndex()
                }
            } else if let newValue {
                members.append((key, newValue))
                if members.count == 13 {
                    rebuildIndex()
                } else if members.count > 13 {
                    index[Array(key.utf8)] = members.count - 1
                }
            }
        }
    }

    private mutating func rebuildIndex() {
        index = [:]
        guard members.count > 12 else { return }
        for position in members.indices { index[Array(members[position].key.utf8)] = position }
    }

    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        guard a.members.count == b.members.count else { return false }
        for (key, value) in a.members where b[key] != value { return false }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for key in members.map(\.key).sorted() { hasher.combine(key) }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}
