/// The event that most of a stream of the Messages API consists of, read without a tree:
/// `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"…"}}`, or a piece of a tool's input.
struct AnthropicDelta {
    let index: Int
    /// Whether the piece is one of a tool's input.
    let isInput: Bool
    let text: String

    /// - Returns: nil for anything that is not written exactly so.
    init?(_ data: [UInt8]) {
        guard let found = data.withUnsafeBufferPointer(Self.read) else { return nil }
        self = found
    }

    private init(index: Int, isInput: Bool, text: String) {
        self.index = index
        self.isInput = isInput
        self.text = text
    }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> AnthropicDelta? {
        var cursor = JSONCursor(bytes)
        guard cursor.take(UInt8(ascii: "{")), cursor.take(name: "type"), cursor.take(string: "content_block_delta"),
            cursor.take(UInt8(ascii: ",")), cursor.take(name: "index"), let index = cursor.count(),
            cursor.take(UInt8(ascii: ",")), cursor.take(name: "delta"), cursor.take(UInt8(ascii: "{")),
            cursor.take(name: "type"), let kind = cursor.plainString()
        else { return nil }
        let isInput = JSONCursor.equal(kind, "input_json_delta")
        guard isInput || JSONCursor.equal(kind, "text_delta"), cursor.take(UInt8(ascii: ",")),
            isInput ? cursor.take(name: "partial_json") : cursor.take(name: "text"), let text = cursor.string(),
            cursor.take(UInt8(ascii: "}")), cursor.take(UInt8(ascii: "}")), cursor.isAtEnd()
        else { return nil }
        return AnthropicDelta(index: index, isInput: isInput, text: text)
    }
}
