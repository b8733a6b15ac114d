import AgentOSCore
import AgentOSProviders
import AgentOSRuntime
import AgentOSStore

/// Takes the fields of `agents_create` and `agents_update` into an agent.
enum AgentFields {
    private static let modelFields = [
        "system_prompt", "provider_type", "model", "temperature", "max_tokens", "max_iterations", "tools",
        "prompt_variables", "input_schema", "output_schema", "approval_tools", "approval_required_tools",
        "fallback_models", "max_cost_usd",
        "pinned_resource_ids",
    ]

    /// An agent that runs elsewhere has no model here to configure.
    static func checkModelFields(_ parameters: Parameters, of agent: Agent) throws {
        guard agent.runtimeType == .external else { return }
        for name in modelFields where parameters.mentions(name) { throw runsElsewhere(name) }
    }

    /// A new one neither; instructions are let through, since all clients must give some.
    static func checkNewModelFields(_ parameters: Parameters, _ runtime: RuntimeType) throws {
        guard runtime == .external else { return }
        for name in modelFields where name != "system_prompt" && parameters.value(name) != nil {
            throw runsElsewhere(name)
        }
    }

    private static func runsElsewhere(_ name: String) -> AgentOSError {
        .invalid(name, "cannot be set: the agent runs elsewhere (runtime_type external)")
    }

    /// Checks what the fields name: tools, files, schemas.
    /// - Returns: the files to pin, as they are stored.
    /// - Throws: VALIDATION_ERROR or NOT_FOUND naming the field.
    static func checkReferences(
        _ parameters: Parameters, _ workspace: WorkspaceRef, _ services: ControlServices
    ) async throws -> [String] {
        if let folder: FolderID = parameters.optionalID("folder_id") {
            try await services.folders.check(folder, workspace: workspace.key)
        }
        if let url = parameters.string("webhook_url") { try await services.checkURL(url, "webhook_url") }
        for field in ["tools", "approval_tools", "approval_required_tools"] {
            try await services.runtime.tools.check(
                parameters.strings(field) ?? [], field: field, gated: field != "tools", workspace: workspace)
        }
        var pins = parameters.strings("pinned_resource_ids") ?? []
        if !pins.isEmpty { pins = try await services.pinned.checked(pins, workspace: workspace) }
        for field in ["input_schema", "output_schema"] {
            guard let schema = parameters.value(field) else { continue }
            do {
                _ = try JSONSchema(schema)
            } catch let error as JSONSchema.Invalid {
                throw AgentOSError.invalid(error.path.isEmpty ? field : "\(field).\(error.path)", error.message)
            }
        }
        return pins
    }

    /// - Parameter pins: what `checkReferences` returned.
    static func apply(_ parameters: Parameters, pins: [String], to agent: inout Agent) throws {
        func given<T>(_ name: String, _ value: T?, _ set: (T?) -> Void) {
            if parameters.mentions(name) { set(value) }
        }
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
        given("folder_id", parameters.optionalID("folder_id") as FolderID?) { agent.folderID = $0 }
        given("tags", parameters.strings("tags")) { agent.tags = $0 ?? [] }
        given("tools", parameters.strings("tools")) { agent.tools = unique($0 ?? []) }
        if parameters.mentions("prompt_variables") {
            agent.promptVariables = try variables(parameters.object("prompt_variables") ?? JSONObject())
        }
        if parameters.mentions("pinned_resource_ids") { agent.pinnedResources = pins }
        // The second name is the one that other clients use.
        for name in ["approval_tools", "approval_required_tools"] {
            given(name, parameters.strings(name)) { agent.approvalTools = unique($0 ?? []) }
        }
        given("fallback_models", parameters.strings("fallback_models")) { agent.fallbackModels = unique($0 ?? []) }
        given("max_cost_usd", parameters.double("max_cost_usd")) { agent.maxCost = $0.map(Money.init(usd:)) }
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

    private static func unique(_ names: [String]) -> [String] {
        var seen = Set<String>()
        return names.filter { seen.insert($0).inserted }
    }

    static func variables(_ object: JSONObject) throws -> JSONObject {
        for (name, value) in object.members {
            let path = "prompt_variables.\(name.prefix(80))"
            guard let variable = value.objectValue else { throw AgentOSError.invalid(path, "must be an object") }
            for (member, value) in variable.members {
                guard member == "description" || member == "value" else {
                    throw AgentOSError.invalid(
                        "\(path).\(member.prefix(80))", "is unknown; there are description and value")
                }
                guard value.isNull || value.stringValue != nil else {
                    throw AgentOSError.invalid("\(path).\(member)", "must be a string")
                }
            }
        }
        return object
    }
}
