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
        to request: ModelRequest, onText: @escaping @Sendable (String) async -> Void
    ) async throws -> ModelReply {
        let answer = try await wire.post(Self.body(of: request), stream: request.stream)
        guard request.stream else {
            var assembly = AnthropicAssembly(wire: wire)
            return try assembly.read(message: try await wire.json(answer))
        }
        var assembly = AnthropicAssembly(wire: wire)
        let complete = try await wire.events(answer) { data in
            if let text = try assembly.on(data: data) { await onText(text) }
            return assembly.isComplete
        }
        guard complete else { throw assembly.hasBegun ? wire.brokenOff : wire.garbage }
        return try assembly.reply()
    }
}

// MARK: - The request

extension AnthropicMessages {
    static func body(of request: ModelRequest) -> [UInt8] {
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
        if !request.tools.isEmpty {
            out.raw(",\"tools\":[")
            for (position, tool) in request.tools.enumerated() {
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
