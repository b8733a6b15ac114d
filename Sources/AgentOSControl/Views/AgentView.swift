import AgentOSCore

/// Agents as answers show them (contract 5.2).
enum AgentView {
    static func summary(_ agent: Agent) -> JSONObject {
        [
            "id": .string("\(agent.id)"), "name": .string(agent.name), "role": .optional(agent.role),
            "description": .optional(agent.description), "status": .string(agent.status.rawValue),
            "runtime_type": .string(agent.runtimeType.rawValue),
            "provider_type": .optional(agent.providerType?.rawValue), "model": .optional(agent.model),
            "tools": .array(agent.tools.map(JSONValue.string)), "tags": .array(agent.tags.map(JSONValue.string)),
            "folder_id": .optional(agent.folderID?.description), "is_builtin": false,
            "created_at": .time(agent.createdAt),
            "updated_at": .time(agent.updatedAt), "version": .int(agent.version),
        ]
    }

    static func full(_ agent: Agent) -> JSONValue {
        var view = summary(agent)
        view["system_prompt"] = .optional(agent.systemPrompt)
        view["temperature"] = agent.temperature.map { .double($0) } ?? .null
        view["max_tokens"] = .int(agent.maxTokens)
        view["max_iterations"] = .int(agent.maxIterations)
        view["pinned_resource_ids"] = .array(agent.pinnedResources.map(JSONValue.string))
        view["prompt_variables"] = .object(agent.promptVariables)
        view["input_schema"] = agent.inputSchema ?? .null
        view["output_schema"] = agent.outputSchema ?? .null
        view["approval_tools"] = .array(agent.approvalTools.map(JSONValue.string))
        view["fallback_models"] = .array(agent.fallbackModels.map(JSONValue.string))
        view["max_cost_usd"] = agent.maxCost.map { .double($0.usd) } ?? .null
        view["webhook_url"] = .optional(agent.webhookURL)
        return .object(view)
    }
}
