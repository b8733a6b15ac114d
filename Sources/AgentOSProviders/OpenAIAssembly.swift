import AgentOSCore

/// Puts a chat completion together, from its stream or from one object.
struct OpenAIAssembly: StreamAssembly {
    private struct Call {
        let index: Int?
        var id: String
        var name: String
        var arguments: String
    }

    private let wire: ProviderWire
    private let output: OutputSchema?
    private var text = ""
    /// Whether what is in the text says why the model will not answer.
    private var isRefusal = false
    private var calls: [Call] = []
    private(set) var usage = TokenUsage()
    private var finishReason: String?
    private(set) var hasBegun = false
    /// Whether `[DONE]` has come in.
    private(set) var isComplete = false
    /// Whether the model said why it stopped; a stream may end then without `[DONE]`.
    var hasFinished: Bool { finishReason != nil }

    /// - Parameter output: the schema of the final answer, when the request had one.
    init(wire: ProviderWire, output: OutputSchema?) {
        self.wire = wire
        self.output = output
    }

    /// Takes in the data of an event.
    /// - Returns: text to pass on, if any.
    /// - Throws: `ProviderError`
    mutating func on(data: [UInt8]) throws -> String? {
        if let piece = OpenAIDelta.text(in: data) {
            hasBegun = true
            text += piece
            return piece.isEmpty ? nil : piece
        }
        if data.elementsEqual("[DONE]".utf8) {
            guard hasBegun else { throw wire.garbage }
            isComplete = true
            return nil
        }
        guard let chunk = try? JSONParser.parse(data), chunk.objectValue != nil else { throw wire.garbage }
        if let error = chunk["error"], !error.isNull { throw wire.inner(error) }
        if chunk["choices"] != nil || chunk["usage"] != nil { hasBegun = true }
        count(chunk["usage"])
        guard let choice = chunk["choices"]?.arrayValue?.first else { return nil }
        finishReason = choice["finish_reason"]?.stringValue ?? finishReason
        guard let delta = choice["delta"] else { return nil }
        for part in delta["tool_calls"]?.arrayValue ?? [] { take(part) }
        let content = delta["content"]?.stringValue
        guard let piece = content ?? delta["refusal"]?.stringValue, !piece.isEmpty else { return nil }
        if content == nil { isRefusal = true }
        text += piece
        return piece
    }

    /// A piece of a tool call belongs to the call of its index; where a server sends none, to the call of its id, and
    /// a piece with neither to the last call.
    private mutating func take(_ part: JSONValue) {
        let id = part["id"]?.stringValue ?? ""
        let name = part["function"]?["name"]?.stringValue ?? ""
        let arguments = part["function"]?["arguments"]?.stringValue ?? ""
        let index = part["index"]?.intValue
        let place =
            index != nil
            ? calls.lastIndex { $0.index == index }
            : id.isEmpty ? calls.indices.last : calls.lastIndex { $0.id == id }
        guard let place else {
            calls.append(Call(index: index, id: id, name: name, arguments: arguments))
            return
        }
        if calls[place].id.isEmpty { calls[place].id = id }
        if calls[place].name.isEmpty { calls[place].name = name }
        calls[place].arguments += arguments
    }

    /// The prompt's count includes what was read from the cache; our classes are disjoint.
    private mutating func count(_ value: JSONValue?) {
        guard let value, value.objectValue != nil else { return }
        let prompt = max(0, value["prompt_tokens"]?.countValue ?? 0)
        let cached = min(prompt, max(0, value["prompt_tokens_details"]?["cached_tokens"]?.countValue ?? 0))
        usage = TokenUsage(
            input: prompt - cached, output: max(0, value["completion_tokens"]?.countValue ?? 0), cacheRead: cached)
    }

    /// Takes in a whole completion.
    /// - Throws: `ProviderError`
    mutating func read(completion: JSONValue) throws -> ModelReply {
        if let error = completion["error"], !error.isNull { throw wire.inner(error) }
        count(completion["usage"])
        guard let choice = completion["choices"]?.arrayValue?.first, let message = choice["message"],
            message.objectValue != nil
        else { throw wire.garbage.counting(usage) }
        if let parts = message["content"]?.arrayValue {
            text = parts.compactMap { $0["text"]?.stringValue }.joined()
        } else {
            let content = message["content"]?.stringValue
            text = content ?? message["refusal"]?.stringValue ?? ""
            isRefusal = content == nil && !text.isEmpty
        }
        calls = (message["tool_calls"]?.arrayValue ?? []).map { part in
            let arguments = part["function"]?["arguments"]
            return Call(
                index: nil, id: part["id"]?.stringValue ?? "", name: part["function"]?["name"]?.stringValue ?? "",
                // Some servers send the object itself instead of its text.
                arguments: arguments?.stringValue ?? arguments.flatMap { $0.isNull ? nil : $0.text } ?? "")
        }
        finishReason = choice["finish_reason"]?.stringValue
        return try reply()
    }

    /// - Throws: `ProviderError` when a tool call has no name, or the model refused to answer. In a conversation a
    ///   refusal in words is an answer like any other; where a schema must be satisfied it is none.
    func reply() throws -> ModelReply {
        if finishReason == "content_filter" { throw wire.declined(nil).counting(usage) }
        if isRefusal, output != nil { throw wire.declined(text).counting(usage) }
        var reader = ToolCallReader()
        var reply = ModelReply(text: text, usage: usage, stopReason: finishReason)
        for call in calls {
            guard !call.name.isEmpty else { throw wire.garbage.counting(usage) }
            reply.toolCalls.append(
                reader.call(id: call.id, name: call.name, arguments: call.arguments, now: wire.clock.now()))
        }
        if let output, reply.toolCalls.isEmpty { reply.text = output.unwrapped(reply.text) }
        return reply
    }
}
