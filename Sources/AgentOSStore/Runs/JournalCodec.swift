import AgentOSCore

/// Journal entries as JSON, as they lie in `run_steps.payload`.
enum JournalCodec {
    static func encode(_ entry: JournalEntry) -> [UInt8] { value(entry).encoded }

    private static func value(_ entry: JournalEntry) -> JSONValue {
        switch entry {
        case .started(let plan): Self.value(plan)
        case .modelCalled(let iteration): ["iteration": .int(iteration)]
        case .modelReplied(let reply):
            [
                "text": .string(reply.text), "tool_calls": .array(reply.toolCalls.map(value)),
                "usage": .array(
                    [reply.usage.input, reply.usage.output, reply.usage.cacheRead, reply.usage.cacheCreation].map {
                        .int($0)
                    }), "stop_reason": .optional(reply.stopReason),
            ]
        case .toolsCalled(let ids): ["call_ids": .array(ids.map(JSONValue.string))]
        case .toolReturned(let result): value(result)
        case .ended(.completed(let output)): ["status": "completed", "output": output]
        case .ended(.failed(let code, let message, let detail)):
            [
                "status": "failed", "code": .string(code.rawValue), "message": .string(message),
                "detail": detail ?? .null,
            ]
        case .ended(.cancelled(let reason)): ["status": "cancelled", "reason": .optional(reason)]
        }
    }

    private static func value(_ plan: RunPlan) -> JSONValue {
        [
            "agent_name": .string(plan.agentName), "provider": .string(plan.provider.rawValue),
            "model": .string(plan.model), "system": .string(plan.system), "history": .array(plan.history.map(value)),
            "prompt": .string(plan.prompt), "tools": .array(plan.tools.map(JSONValue.string)),
            "temperature": plan.temperature.map { .double($0) } ?? .null, "max_tokens": .int(plan.maxTokens),
            "max_iterations": .int(plan.maxIterations), "is_test": .bool(plan.isTest),
        ]
    }

    private static func value(_ message: ModelMessage) -> JSONValue {
        switch message {
        case .user(let text): ["user": .string(text)]
        case .assistant(let text, let calls): ["assistant": .string(text), "tool_calls": .array(calls.map(value))]
        case .toolResults(let results): ["results": .array(results.map(value))]
        }
    }

    private static func value(_ call: ToolCall) -> JSONValue {
        ["id": .string(call.id), "name": .string(call.name), "arguments": call.arguments]
    }

    private static func value(_ result: ToolResult) -> JSONValue {
        [
            "id": .string(result.callID), "name": .string(result.name), "content": .string(result.content),
            "is_error": .bool(result.isError),
        ]
    }

    /// - Throws: `StoreError.damaged`
    static func decode(kind: String, _ payload: [UInt8]) throws -> JournalEntry {
        guard let value = try? JSONParser.parse(payload), let entry = entry(kind, value) else {
            throw StoreError.damaged("a journal entry (\(kind))")
        }
        return entry
    }

    private static func entry(_ kind: String, _ value: JSONValue) -> JournalEntry? {
        switch kind {
        case "started": return plan(value).map(JournalEntry.started)
        case "model_called": return value["iteration"]?.intValue.map(JournalEntry.modelCalled)
        case "model_replied":
            guard let text = value["text"]?.stringValue, let calls = value["tool_calls"]?.arrayValue,
                let counts = value["usage"]?.arrayValue?.compactMap(\.intValue), counts.count == 4
            else { return nil }
            return .modelReplied(
                ModelReply(
                    text: text, toolCalls: calls.compactMap(call),
                    usage: TokenUsage(
                        input: counts[0], output: counts[1], cacheRead: counts[2], cacheCreation: counts[3]),
                    stopReason: value["stop_reason"]?.stringValue))
        case "tools_called":
            return value["call_ids"]?.arrayValue.map { .toolsCalled(callIDs: $0.compactMap(\.stringValue)) }
        case "tool_returned": return result(value).map(JournalEntry.toolReturned)
        case "ended":
            switch value["status"]?.stringValue {
            case "completed": return value["output"].map { .ended(.completed(output: $0)) }
            case "failed":
                return .ended(
                    .failed(
                        code: ErrorCode(wire: value["code"]?.stringValue ?? ""),
                        message: value["message"]?.stringValue ?? "", detail: value["detail"].flatMap { $0.isNull ? nil : $0 }))
            case "cancelled": return .ended(.cancelled(reason: value["reason"]?.stringValue))
            default: return nil
            }
        default: return nil
        }
    }

    private static func plan(_ value: JSONValue) -> RunPlan? {
        guard let name = value["agent_name"]?.stringValue,
            let provider = value["provider"]?.stringValue.flatMap(ProviderType.init),
            let model = value["model"]?.stringValue, let system = value["system"]?.stringValue,
            let prompt = value["prompt"]?.stringValue, let maxTokens = value["max_tokens"]?.intValue,
            let maxIterations = value["max_iterations"]?.intValue
        else { return nil }
        return RunPlan(
            agentName: name, provider: provider, model: model, system: system,
            history: (value["history"]?.arrayValue ?? []).compactMap(message), prompt: prompt,
            tools: (value["tools"]?.arrayValue ?? []).compactMap(\.stringValue),
            temperature: value["temperature"]?.doubleValue, maxTokens: maxTokens, maxIterations: maxIterations,
            isTest: value["is_test"]?.boolValue ?? false)
    }

    private static func message(_ value: JSONValue) -> ModelMessage? {
        if let text = value["user"]?.stringValue { return .user(text) }
        if let text = value["assistant"]?.stringValue {
            return .assistant(text: text, toolCalls: (value["tool_calls"]?.arrayValue ?? []).compactMap(call))
        }
        return value["results"]?.arrayValue.map { .toolResults($0.compactMap(result)) }
    }

    private static func call(_ value: JSONValue) -> ToolCall? {
        guard let id = value["id"]?.stringValue, let name = value["name"]?.stringValue else { return nil }
        return ToolCall(id: id, name: name, arguments: value["arguments"] ?? .null)
    }

    private static func result(_ value: JSONValue) -> ToolResult? {
        guard let id = value["id"]?.stringValue, let name = value["name"]?.stringValue,
            let content = value["content"]?.stringValue
        else { return nil }
        return ToolResult(callID: id, name: name, content: content, isError: value["is_error"]?.boolValue ?? false)
    }
}
