import AgentOSCore

/// The first journal entry of a run as JSON.
enum PlanCodec {
    static func value(_ plan: RunPlan) -> JSONValue {
        var out: JSONObject = [
            "agent_name": .string(plan.agentName), "provider": .string(plan.provider.rawValue),
            "model": .string(plan.model), "system": .string(plan.system),
            "history": .array(plan.history.map(MessageCodec.value)), "prompt": .string(plan.prompt),
            "tools": texts(plan.tools), "temperature": plan.temperature.map { .double($0) } ?? .null,
            "max_tokens": .int(plan.maxTokens), "max_iterations": .int(plan.maxIterations),
            "is_test": .bool(plan.isTest), "depth": .int(plan.depth),
        ]
        if !plan.fallbackModels.isEmpty { out["fallback_models"] = texts(plan.fallbackModels) }
        if !plan.approvalTools.isEmpty { out["approval_tools"] = texts(plan.approvalTools) }
        if plan.rejection != .failsRun { out["rejection"] = .string(plan.rejection.rawValue) }
        if let limit = plan.maxCost { out["max_cost"] = .int(Int(limit.nanoUSD)) }
        if let schema = plan.outputSchema { out["output_schema"] = schema }
        if !plan.lineage.isEmpty { out["lineage"] = texts(plan.lineage.map(\.description)) }
        if let origin = plan.origin { out["origin"] = ["run_id": .string("\(origin.run)"), "step": .int(origin.step)] }
        return .object(out)
    }

    private static func texts(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }

    static func plan(_ value: JSONValue) -> RunPlan? {
        guard let name = value["agent_name"]?.stringValue,
            let provider = value["provider"]?.stringValue.flatMap(ProviderType.init),
            let model = value["model"]?.stringValue, let system = value["system"]?.stringValue,
            let prompt = value["prompt"]?.stringValue, let maxTokens = value["max_tokens"]?.intValue,
            let maxIterations = value["max_iterations"]?.intValue
        else { return nil }
        func strings(_ name: String) -> [String] { value[name]?.arrayValue?.compactMap(\.stringValue) ?? [] }
        var plan = RunPlan(
            agentName: name, provider: provider, model: model, system: system,
            history: (value["history"]?.arrayValue ?? []).compactMap(MessageCodec.message), prompt: prompt,
            tools: strings("tools"), temperature: value["temperature"]?.doubleValue, maxTokens: maxTokens,
            maxIterations: maxIterations, isTest: value["is_test"]?.boolValue ?? false)
        plan.fallbackModels = strings("fallback_models")
        plan.approvalTools = strings("approval_tools")
        plan.rejection = value["rejection"]?.stringValue.flatMap(RunPlan.Rejection.init) ?? .failsRun
        plan.maxCost = value["max_cost"]?.intValue.map { Money(nanoUSD: Int64($0)) }
        plan.outputSchema = value["output_schema"]
        plan.depth = value["depth"]?.intValue ?? 1
        plan.lineage = strings("lineage").compactMap { AgentID($0) }
        if let run = value["origin"]?["run_id"]?.stringValue.flatMap({ RunID($0) }) {
            plan.origin = .init(run: run, step: value["origin"]?["step"]?.intValue ?? 1)
        }
        return plan
    }
}

/// Messages, calls and results as JSON.
enum MessageCodec {
    static func value(_ message: ModelMessage) -> JSONValue {
        switch message {
        case .user(let text): ["user": .string(text)]
        case .assistant(let text, let calls): ["assistant": .string(text), "tool_calls": .array(calls.map(value))]
        case .toolResults(let results): ["results": .array(results.map(value))]
        }
    }

    static func value(_ call: ToolCall) -> JSONValue {
        ["id": .string(call.id), "name": .string(call.name), "arguments": call.arguments]
    }

    static func value(_ result: ToolResult) -> JSONValue { .object(JSONObject(members(result))) }

    static func members(_ result: ToolResult) -> [(String, JSONValue)] {
        [
            ("id", .string(result.callID)), ("name", .string(result.name)), ("content", .string(result.content)),
            ("is_error", .bool(result.isError)),
        ]
    }

    static func message(_ value: JSONValue) -> ModelMessage? {
        if let text = value["user"]?.stringValue { return .user(text) }
        if let text = value["assistant"]?.stringValue {
            return .assistant(text: text, toolCalls: (value["tool_calls"]?.arrayValue ?? []).compactMap(call))
        }
        return value["results"]?.arrayValue.map { .toolResults($0.compactMap(result)) }
    }

    static func call(_ value: JSONValue) -> ToolCall? {
        guard let id = value["id"]?.stringValue, let name = value["name"]?.stringValue else { return nil }
        return ToolCall(id: id, name: name, arguments: value["arguments"] ?? .null)
    }

    static func result(_ value: JSONValue) -> ToolResult? {
        guard let id = value["id"]?.stringValue, let name = value["name"]?.stringValue,
            let content = value["content"]?.stringValue
        else { return nil }
        return ToolResult(callID: id, name: name, content: content, isError: value["is_error"]?.boolValue ?? false)
    }
}
