import AgentOSCore

/// Puts a reply of the Messages API together, from its stream or from one message.
struct AnthropicAssembly: StreamAssembly {
    private struct Block {
        let index: Int
        let isTool: Bool
        var text = ""
        var id = ""
        var name = ""
        /// The input that came with the start of the block; counts when no pieces follow.
        var input: JSONValue = [:]
        var pieces = ""
    }

    private let wire: ProviderWire
    private let output: AnthropicOutputTool?
    private var blocks: [Block] = []
    private(set) var usage = TokenUsage()
    private var stopReason: String?
    /// Whether anything of this format has come in.
    private(set) var hasBegun = false
    /// Whether the terminal event has come in.
    private(set) var isComplete = false

    /// - Parameter output: the tool that gives the final answer, when the request had one.
    init(wire: ProviderWire, output: AnthropicOutputTool?) {
        self.wire = wire
        self.output = output
    }

    /// Takes in the data of an event.
    /// - Returns: text to pass on, if any.
    /// - Throws: `ProviderError`
    mutating func on(data: [UInt8]) throws -> String? {
        if let delta = AnthropicDelta(data) {
            return add(delta.text, to: delta.index, isInput: delta.isInput)
        }
        guard let event = try? JSONParser.parse(data), let type = event["type"]?.stringValue else { throw wire.garbage }
        switch type {
        case "message_start":
            hasBegun = true
            count(event["message"]?["usage"])
        case "content_block_start":
            return start(event)
        case "content_block_delta":
            return delta(event)
        case "message_delta":
            stopReason = event["delta"]?["stop_reason"]?.stringValue ?? stopReason
            count(event["usage"])
        case "message_stop":
            guard hasBegun else { throw wire.garbage }
            isComplete = true
        case "error":
            throw wire.inner(event["error"] ?? .null)
        default: break
        }
        return nil
    }

    private mutating func start(_ event: JSONValue) -> String? {
        let content = event["content_block"]
        let index = event["index"]?.intValue ?? blocks.count
        switch content?["type"]?.stringValue {
        case "text":
            let text = content?["text"]?.stringValue ?? ""
            blocks.append(Block(index: index, isTool: false, text: text))
            return text.isEmpty ? nil : text
        case "tool_use":
            blocks.append(
                Block(
                    index: index, isTool: true, id: content?["id"]?.stringValue ?? "",
                    name: content?["name"]?.stringValue ?? "", input: content?["input"] ?? [:]))
        default: break
        }
        return nil
    }

    private mutating func delta(_ event: JSONValue) -> String? {
        guard let index = event["index"]?.intValue, let delta = event["delta"] else { return nil }
        switch delta["type"]?.stringValue {
        case "text_delta": return add(delta["text"]?.stringValue ?? "", to: index, isInput: false)
        case "input_json_delta": return add(delta["partial_json"]?.stringValue ?? "", to: index, isInput: true)
        default: return nil
        }
    }

    private mutating func add(_ piece: String, to index: Int, isInput: Bool) -> String? {
        guard !piece.isEmpty, let place = blocks.lastIndex(where: { $0.index == index }) else { return nil }
        if isInput {
            blocks[place].pieces += piece
            return nil
        }
        blocks[place].text += piece
        return piece
    }

    /// Later counts replace earlier ones: the stream's last word is the sum.
    private mutating func count(_ value: JSONValue?) {
        guard let value else { return }
        usage.input = value["input_tokens"]?.countValue ?? usage.input
        usage.output = value["output_tokens"]?.countValue ?? usage.output
        usage.cacheRead = value["cache_read_input_tokens"]?.countValue ?? usage.cacheRead
        usage.cacheCreation = value["cache_creation_input_tokens"]?.countValue ?? usage.cacheCreation
    }

    /// Takes in a whole message.
    /// - Throws: `ProviderError`
    mutating func read(message: JSONValue) throws -> ModelReply {
        if message["type"]?.stringValue == "error" { throw wire.inner(message["error"] ?? .null) }
        count(message["usage"])
        guard let content = message["content"]?.arrayValue else { throw wire.garbage.counting(usage) }
        for (index, block) in content.enumerated() {
            _ = start(["index": .int(index), "content_block": block])
        }
        stopReason = message["stop_reason"]?.stringValue
        return try reply()
    }

    /// - Throws: `ProviderError` when a tool call has no name, or the model refused to answer.
    func reply() throws -> ModelReply {
        if stopReason == "refusal" { throw wire.declined(nil).counting(usage) }
        var reader = ToolCallReader()
        var reply = ModelReply(text: "", usage: usage, stopReason: stopReason)
        var answer: JSONValue?
        for block in blocks {
            guard block.isTool else {
                reply.text += block.text
                continue
            }
            guard !block.name.isEmpty else { throw wire.garbage.counting(usage) }
            let now = wire.clock.now()
            let call =
                block.pieces.isEmpty
                ? reader.call(id: block.id, name: block.name, parsed: block.input, now: now)
                : reader.call(id: block.id, name: block.name, arguments: block.pieces, now: now)
            if block.name == output?.name {
                answer = answer ?? call.arguments
            } else {
                reply.toolCalls.append(call)
            }
        }
        // An answer beside calls was given before their results were seen.
        if let answer, let output, reply.toolCalls.isEmpty {
            reply.text = output.text(of: answer)
            if stopReason == "tool_use" { reply.stopReason = "end_turn" }
        }
        return reply
    }
}
