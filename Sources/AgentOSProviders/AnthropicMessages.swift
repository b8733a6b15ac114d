import AgentOSCore
import AgentOSOutbound

/// The Messages API of Anthropic and of servers that speak it.
public struct AnthropicMessages: ModelProvider {
    private let wire: ProviderWire

    /// - Parameter credentials: the base URL may end in `/v1` or not.
    public init(client: OutboundClient, credentials: ProviderCredentials, clock: WallClock = .system()) {
        var base = credentials.trimmedBase
        if base.hasSuffix("/v1") { base = base.dropLast(3) }
        var headers: [(name: String, value: String)] = [("anthropic-version", "2023-06-01")]
        if let key = credentials.headerKey { headers.append(("x-api-key", key)) }
        wire = ProviderWire(
            name: "Anthropic", url: "\(base)/v1/messages", headers: headers, guarded: credentials.guarded,
            redactor: Redactor(secrets: [credentials.headerKey].compactMap { $0 }), client: client, clock: clock)
    }

    public func reply(
        to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
    ) async throws -> ModelReply {
        let output = AnthropicOutputTool(for: request)
        let answer = try await send(request, output)
        var assembly = AnthropicAssembly(wire: wire, output: output)
        guard request.stream else { return try assembly.read(message: try await wire.json(answer)) }
        // What the answer is under a schema is known at the end only.
        assembly = try await wire.events(answer, into: assembly) { if output == nil { onText($0) } }
        guard assembly.isComplete else {
            throw (assembly.hasBegun ? wire.brokenOff : wire.garbage).counting(assembly.usage)
        }
        let reply = try assembly.reply()
        if output != nil, !reply.text.isEmpty { onText([reply.text]) }
        return reply
    }

    /// Models that always think refuse to have a tool forced on them; those are left the choice.
    private func send(_ request: ModelRequest, _ output: AnthropicOutputTool?) async throws -> OutboundStream {
        do {
            return try await wire.post(Self.body(of: request, output: output), stream: request.stream)
        } catch let error as ProviderError
            where output != nil && error.status == 400 && error.message.contains("tool_choice")
        {
            return try await wire.post(Self.body(of: request, output: output, forced: false), stream: request.stream)
        }
    }
}

// MARK: - The request

extension AnthropicMessages {
    /// - Parameter forced: whether the model must use a tool when it has one to answer with.
    static func body(of request: ModelRequest, output: AnthropicOutputTool?, forced: Bool = true) -> [UInt8] {
        var out = JSONWriter(capacity: 1024)
        out.raw("{\"model\":")
        out.string(request.model)
        out.raw(",\"max_tokens\":")
        out.int(Int64(request.maxTokens))
        if let temperature = request.temperature {
            // This provider's scale ends at 1.
            out.raw(",\"temperature\":")
            out.value(.double(min(temperature, 1)))
        }
        if !request.system.isBlank {
            out.raw(",\"system\":")
            out.string(request.system)
        }
        if request.stream { out.raw(",\"stream\":true") }
        let tools = request.tools + (output.map { [$0.definition] } ?? [])
        if !tools.isEmpty {
            out.raw(",\"tools\":[")
            for (position, tool) in tools.enumerated() {
                if position > 0 { out.raw(",") }
                out.raw("{\"name\":")
                out.string(tool.name)
                out.raw(",\"description\":")
                out.string(tool.description)
                out.raw(",\"input_schema\":")
                out.value(tool.inputSchema)
                out.raw("}")
            }
            out.raw("]")
        }
        if let output, forced {
            out.raw(",\"tool_choice\":")
            out.value(output.choice(besideOthers: !request.tools.isEmpty))
        }
        out.raw(",\"messages\":")
        AnthropicTurns(request.messages).write(to: &out)
        out.raw("}")
        return out.bytes
    }
}

/// The conversation as this provider wants it: roles take turns, the user begins, nothing is empty.
private struct AnthropicTurns {
    private struct Turn {
        let isUser: Bool
        var blocks: [JSONValue]
    }

    private static let empty: JSONValue = ["type": "text", "text": "(empty)"]

    private var turns: [Turn] = []

    init(_ messages: [ModelMessage]) {
        for message in messages {
            switch message {
            case .user(let text):
                add(isUser: true, [text.isBlank ? Self.empty : ["type": "text", "text": .string(text)]])
            case .assistant(let text, let calls):
                var blocks: [JSONValue] = text.isBlank ? [] : [["type": "text", "text": .string(text)]]
                blocks += calls.map {
                    ["type": "tool_use", "id": .string($0.id), "name": .string($0.name), "input": $0.argumentsObject]
                }
                add(isUser: false, blocks)
            case .toolResults(let results):
                add(
                    isUser: true,
                    results.map {
                        [
                            "type": "tool_result", "tool_use_id": .string($0.callID), "content": .string($0.content),
                            "is_error": .bool($0.isError),
                        ]
                    })
            }
        }
        if turns.first?.isUser != true { turns.insert(Turn(isUser: true, blocks: [Self.empty]), at: 0) }
    }

    private mutating func add(isUser: Bool, _ blocks: [JSONValue]) {
        guard !blocks.isEmpty else { return }
        if let last = turns.indices.last, turns[last].isUser == isUser {
            turns[last].blocks += blocks
        } else {
            turns.append(Turn(isUser: isUser, blocks: blocks))
        }
    }

    func write(to out: inout JSONWriter) {
        out.raw("[")
        for (position, turn) in turns.enumerated() {
            if position > 0 { out.raw(",") }
            turn.isUser ? out.raw("{\"role\":\"user\",\"content\":") : out.raw("{\"role\":\"assistant\",\"content\":")
            out.value(.array(turn.blocks))
            out.raw("}")
        }
        out.raw("]")
    }
}
