import AgentOSCore
import Foundation

/// A place in a list: the values that the row there is sorted by. It stays one when the row is deleted or moves, so
/// that the page after it neither loses nor repeats a row.
public struct ListPlace: Sendable, Hashable, Comparable {
    /// One of the values; every place of a list has the same kinds of them.
    public enum Value: Sendable, Hashable, Comparable {
        case int(Int64)
        case text(String)
    }

    public let values: [Value]

    public init(_ values: Value...) { self.values = values }

    public static func < (a: ListPlace, b: ListPlace) -> Bool { a.values.lexicographicallyPrecedes(b.values) }

    /// Whether both can be places of one list.
    func isAlike(_ other: ListPlace) -> Bool {
        guard values.count == other.values.count else { return false }
        return zip(values, other.values).allSatisfy { a, b in
            switch (a, b) {
            case (.int, .int), (.text, .text): true
            default: false
            }
        }
    }

    // MARK: - Cursors

    /// A place from what a caller was given for it.
    /// - Throws: VALIDATION_ERROR naming `cursor` for what no list gave out.
    public init(cursor: String) throws {
        let plain = String(
            cursor.map { character -> Character in
                switch character {
                case "-": "+"
                case "_": "/"
                default: character
                }
            })
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: plain + padding),
            let items = (try? JSONParser.parse(Array(data)))?.arrayValue, !items.isEmpty
        else { throw Self.unknown }
        values = try items.map { item -> Value in
            if let text = item.stringValue { return .text(text) }
            guard let number = item.intValue else { throw Self.unknown }
            return .int(Int64(number))
        }
    }

    /// What a caller is given for it: text that means nothing to anybody else.
    public var cursor: String {
        let items = values.map { value -> JSONValue in
            switch value {
            case .int(let number): .int(number)
            case .text(let text): .string(text)
            }
        }
        let text = Data(JSONValue.array(items).encoded).base64EncodedString()
        return String(
            text.filter { $0 != "=" }.map { character -> Character in
                switch character {
                case "+": "-"
                case "/": "_"
                default: character
                }
            })
    }

    static let unknown = AgentOSError.invalid("cursor", "is not one of this list's cursors")
}
