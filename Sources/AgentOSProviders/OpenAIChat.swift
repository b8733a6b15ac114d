import AgentOSCore
import AgentOSOutbound

/// The Chat Completions API of OpenAI and of the many servers that speak it.
public struct OpenAIChat: ModelProvider {
    private let wire: ProviderWire

    /// - Parameter credentials: the base URL is what stands before `/chat/completions`.
    public init(client: OutboundClient, credentials: ProviderCredentials, clock: WallClock = .system()) {
        let headers = credentials.headerKey.map { [(name: "authorization", value: "Bearer \($0)")] } ?? []
        wire = ProviderWire(
            name: "OpenAI", url: "\(credentials.trimmedBase)/chat/completions", headers: headers,
            guarded: credentials.guarded, redactor: Redactor(secrets: [credentials.headerKey].compactMap { $0 }),
            client: client, clock: clock)
    }

    public func reply(
        to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
    ) async throws -> ModelReply {
        let output = request.outputSchema.map(OutputSchema.init)
        let answer = try await wire.post(Self.body(of: request, output: output), stream: request.stream)
        var assembly = OpenAIAssembly(wire: wire, output: output)
        guard request.stream else { return try assembly.read(completion: try await wire.json(answer)) }
        // What the answer is under a schema is known at the end only.
        assembly = try await wire.events(answer, into: assembly) { if output == nil { onText($0) } }
        guard assembly.isComplete || assembly.hasFinished else {
            throw (assembly.hasBegun ? wire.brokenOff : wire.garbage).counting(assembly.usage)
        }
        let reply = try assembly.reply()
        if output != nil, !reply.text.isEmpty { onText([reply.text]) }
        return reply
    }
}

// MARK: - The request

extension OpenAIChat {
    static func body(of request: ModelRequest, output: OutputSchema?) -> [UInt8] {
        var out = JSONWriter(capacity: 1024)
        out.raw("{\"model\":")
        out.string(request.model)
        let reasons = ModelNames.reasons(request.model)
        reasons ? out.raw(",\"max_completion_tokens\":") : out.raw(",\"max_tokens\":")
        out.int(Int64(request.maxTokens))
        if let temperature = request.temperature, !reasons {
            out.raw(",\"temperature\":")
            out.value(.double(temperature))
        }
        if request.stream { out.raw(",\"stream\":true,\"stream_options\":{\"include_usage\":true}") }
        if !request.tools.isEmpty {
            out.raw(",\"tools\":[")
            for (position, tool) in request.tools.enumerated() {
                if position > 0 { out.raw(",") }
                out.raw("{\"type\":\"function\",\"function\":{\"name\":")
                out.string(tool.name)
                out.raw(",\"description\":")
                out.string(tool.description)
                out.raw(",\"parameters\":")
                out.value(tool.inputSchema)
                out.raw("}}")
            }
            out.raw("]")
        }
        if let output {
            out.raw(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"output\",\"schema\":")
            out.value(output.root)
            out.raw(",\"strict\":")
            out.value(.bool(OpenAIStrictSchema.accepts(output.root)))
            out.raw("}}")
        }
        out.raw(",\"messages\":")
        out.value(.array(messages(of: request)))
        out.raw("}")
        return out.bytes
    }

    private static func messages(of request: ModelRequest) -> [JSONValue] {
        var messages: [JSONValue] = []
        if !request.system.isBlank { messages.append(["role": "system", "content": .string(request.system)]) }
        for message in request.messages {
            switch message {
            case .user(let text):
                messages.append(["role": "user", "content": .string(text)])
            case .assistant(let text, let calls):
                guard !text.isEmpty || !calls.isEmpty else { continue }
                var turn: JSONObject = ["role": "assistant", "content": text.isEmpty ? .null : .string(text)]
                if !calls.isEmpty { turn["tool_calls"] = .array(calls.map(entry)) }
                messages.append(.object(turn))
            case .toolResults(let results):
                messages += results.map {
                    ["role": "tool", "tool_call_id": .string($0.callID), "content": .string($0.content)]
                }
            }
        }
        if messages.allSatisfy({ $0["role"] == "system" }) { messages.append(["role": "user", "content": "(empty)"]) }
        return messages
    }

    private static func entry(_ call: ToolCall) -> JSONValue {
        [
            "id": .string(call.id), "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(call.argumentsObject.text)],
        ]
    }
}
