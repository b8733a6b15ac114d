/// What versions of an agent keep: everything that decides how it behaves. Not its state, its folder or its webhook.
extension Agent {
    /// Under the names of `agents_get`.
    public var configuration: JSONObject {
        func texts(_ list: [String]) -> JSONValue { .array(list.map(JSONValue.string)) }
        return [
            "name": .string(name), "role": .optional(role), "description": .optional(description),
            "provider_type": .optional(providerType?.rawValue), "model": .optional(model),
            "system_prompt": .optional(systemPrompt), "temperature": temperature.map { .double($0) } ?? .null,
            "max_tokens": .int(maxTokens), "max_iterations": .int(maxIterations), "tools": texts(tools),
            "tags": texts(tags), "prompt_variables": .object(promptVariables), "input_schema": inputSchema ?? .null,
            "output_schema": outputSchema ?? .null, "approval_tools": texts(approvalTools),
            "fallback_models": texts(fallbackModels), "pinned_resource_ids": texts(pinnedResources),
            "max_cost_usd": maxCost.map { .double($0.usd) } ?? .null,
        ]
    }

    /// Takes a kept configuration over.
    public mutating func adopt(_ configuration: JSONObject) {
        func texts(_ name: String) -> [String] { configuration[name]?.arrayValue?.compactMap(\.stringValue) ?? [] }
        func schema(_ name: String) -> JSONValue? { configuration[name].flatMap { $0.isNull ? nil : $0 } }
        name = configuration["name"]?.stringValue ?? name
        role = configuration["role"]?.stringValue
        description = configuration["description"]?.stringValue
        providerType = configuration["provider_type"]?.stringValue.flatMap(ProviderType.init)
        model = configuration["model"]?.stringValue
        systemPrompt = configuration["system_prompt"]?.stringValue
        temperature = configuration["temperature"]?.doubleValue
        maxTokens = configuration["max_tokens"]?.intValue ?? Agent.defaultMaxTokens
        maxIterations = configuration["max_iterations"]?.intValue ?? Agent.defaultMaxIterations
        tools = texts("tools")
        tags = texts("tags")
        promptVariables = configuration["prompt_variables"]?.objectValue ?? JSONObject()
        inputSchema = schema("input_schema")
        outputSchema = schema("output_schema")
        approvalTools = texts("approval_tools")
        fallbackModels = texts("fallback_models")
        pinnedResources = texts("pinned_resource_ids")
        maxCost = configuration["max_cost_usd"]?.doubleValue.map(Money.init(usd:))
    }
}

/// One member in which two configurations differ.
public struct ConfigurationChange: Sendable {
    public let field: String
    public let before: JSONValue
    public let after: JSONValue

    /// In the order of `new`.
    public static func between(_ old: JSONObject, _ new: JSONObject) -> [ConfigurationChange] {
        new.members.compactMap { name, value in
            let known = old[name] ?? .null
            return known == value ? nil : ConfigurationChange(field: name, before: known, after: value)
        }
    }
}
