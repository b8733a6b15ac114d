/// The chunk that most of a streamed chat completion consists of, read without a tree: one choice with a piece of
/// text, and otherwise nothing but scalars that do not matter.
enum OpenAIDelta {
    /// The piece of text; nil for any other chunk.
    static func text(in data: [UInt8]) -> String? { data.withUnsafeBufferPointer(read) }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        var cursor = JSONCursor(bytes)
        var text: String?
        let isWhole = members(&cursor) { name, cursor in
            if JSONCursor.equal(name, "choices") {
                guard text == nil, cursor.take(UInt8(ascii: "[")) else { return false }
                text = choice(&cursor)
                return text != nil && cursor.take(UInt8(ascii: "]"))
            }
            let matters = JSONCursor.equal(name, "usage") || JSONCursor.equal(name, "error")
            return matters ? cursor.take(word: "null") : cursor.skipScalar()
        }
        return isWhole && cursor.isAtEnd() ? text : nil
    }

    private static func choice(_ cursor: inout JSONCursor) -> String? {
        var text: String?
        let isWhole = members(&cursor) { name, cursor in
            if JSONCursor.equal(name, "delta") {
                guard text == nil else { return false }
                text = delta(&cursor)
                return text != nil
            }
            return JSONCursor.equal(name, "finish_reason") ? cursor.take(word: "null") : cursor.skipScalar()
        }
        return isWhole ? text : nil
    }

    private static func delta(_ cursor: inout JSONCursor) -> String? {
        var text: String?
        let isWhole = members(&cursor) { name, cursor in
            if JSONCursor.equal(name, "content") {
                guard text == nil else { return false }
                text = cursor.string()
                return text != nil
            }
            let matters = JSONCursor.equal(name, "tool_calls") || JSONCursor.equal(name, "refusal")
            return matters ? cursor.take(word: "null") : cursor.skipScalar()
        }
        return isWhole ? text : nil
    }

    /// Goes through an object that has members.
    /// - Parameter take: reads the value behind a name and says whether it is one of the expected.
    @inline(__always)
    private static func members(
        _ cursor: inout JSONCursor, _ take: (UnsafeBufferPointer<UInt8>, inout JSONCursor) -> Bool
    ) -> Bool {
        guard cursor.take(UInt8(ascii: "{")) else { return false }
        repeat {
            guard let name = cursor.name(), take(name, &cursor) else { return false }
        } while cursor.take(UInt8(ascii: ","))
        return cursor.take(UInt8(ascii: "}"))
    }
}
