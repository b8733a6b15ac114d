import AgentOSCore
import AgentOSProviders
import AgentOSRuntime

/// Takes the fields of `agents_create` and `agents_update` into an agent.
enum AgentFields {
    private static let modelFields = [
        "system_prompt", "provider_type", "model", "temperature", "max_tokens", "max_iterations", "tools",
        "prompt_variables", "input_schema", "output_schema",
    ]

    /// An agent that runs elsewhere has no model here to configure.
    static func checkModelFields(_ parameters: Parameters, of agent: Agent) throws {
        guard agent.runtimeType == .external else { return }
        for name in modelFields where parameters.mentions(name) {
            throw AgentOSError.invalid(name, "cannot be set: the agent runs elsewhere (runtime_type external)")
        }
    }

    static func apply(_ parameters: Parameters, to agent: inout Agent, shelf: ToolShelf) throws {
        func given<T>(_ name: String, _ value: T?, _ set: (T?) -> Void) {
            if parameters.mentions(name) { set(value) }
        }
        if parameters.value("folder_id") != nil { throw AgentOSError.notFound("folder") }
        if parameters.strings("pinned_resource_ids")?.isEmpty == false { throw AgentOSError.notFound("resource") }
        given("role", parameters.string("role")) { agent.role = $0 }
        given("description", parameters.string("description")) { agent.description = $0 }
        given("system_prompt", parameters.string("system_prompt")) { agent.systemPrompt = $0 ?? agent.systemPrompt }
        given("provider_type", parameters.string("provider_type")) {
            agent.providerType = $0.flatMap(ProviderType.init)
        }
        given("model", parameters.string("model")) { agent.model = $0 }
        given("temperature", parameters.double("temperature")) { agent.temperature = $0 }
        given("max_tokens", parameters.int("max_tokens")) { agent.maxTokens = $0 ?? Agent.defaultMaxTokens }
        given("max_iterations", parameters.int("max_iterations")) {
            agent.maxIterations = $0 ?? Agent.defaultMaxIterations
        }
        given("tags", parameters.strings("tags")) { agent.tags = $0 ?? [] }
        if parameters.mentions("tools") { agent.tools = try tools(parameters.strings("tools") ?? [], shelf) }
        if parameters.mentions("prompt_variables") {
            agent.promptVariables = try variables(parameters.object("prompt_variables") ?? JSONObject())
        }
        given("input_schema", parameters.object("input_schema")) { agent.inputSchema = schema($0) }
        given("output_schema", parameters.object("output_schema")) { agent.outputSchema = schema($0) }
    }

    /// Keeps provider and model together when only one of them is changed.
    static func fitProvider(_ agent: inout Agent, given: Parameters) {
        if given.value("provider_type") == nil, let model = given.string("model"),
            let provider = ModelNames.provider(forModel: model)
        {
            agent.providerType = provider
        }
        let provider = agent.providerType ?? .demo
        agent.providerType = provider
        agent.model = agent.model ?? ModelNames.defaultModel(for: provider)
    }

    /// `{}` clears.
    private static func schema(_ object: JSONObject?) -> JSONValue? {
        object.flatMap { $0.isEmpty ? nil : .object($0) }
    }

    private static func tools(_ names: [String], _ shelf: ToolShelf) throws -> [String] {
        var seen = Set<String>()
        for (index, name) in names.enumerated() where shelf[name] == nil {
            throw AgentOSError.invalid("tools[\(index)]", "there is no tool named \(name.prefix(80))")
        }
        return names.filter { seen.insert($0).inserted }
    }

    private static func variables(_ object: JSONObject) throws -> JSONObject {
        for (name, value) in object.members {
            let path = "prompt_variables.\(name.prefix(80))"
            guard let variable = value.objectValue else { throw AgentOSError.invalid(path, "must be an object") }
            for (member, value) in variable.members {
                guard member == "description" || member == "value" else {
                    throw AgentOSError.invalid("\(path).\(member.prefix(80))", "is unknown; there are description and value")
                }
                guard value.isNull || value.stringValue != nil else {
                    throw AgentOSError.invalid("\(path).\(member)", "must be a string")
                }
            }
        }
        return object
    }
}
