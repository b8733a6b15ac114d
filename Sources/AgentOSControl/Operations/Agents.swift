import AgentOSCore
import AgentOSProviders
import AgentOSRuntime
import AgentOSStore

extension Parameter {
    static let agentID = Parameter.required("agent_id", .uuid, "The agent.")
    static let cursor = Parameter.optional(
        "cursor", .string(1...200), "Where the previous page ended: its x-next-cursor header.")

    static func limit(_ range: ClosedRange<Int> = 1...100, default value: Int = 20) -> Parameter {
        .optional("limit", .integer(range), "How many at most (default \(value)).")
    }

    /// What an agent is made of, apart from its name and prompt.
    static let agentFields: [Parameter] = [
        .optional("role", .string(0...200), "A one-line label."),
        .optional("description", .string(0...10_000), "What the agent is for."),
        .optional("provider_type", .choice(ProviderType.allCases.map(\.rawValue)), "Who runs the model."),
        .optional("model", .string(1...200), "The model's id at the provider."),
        .optional("tools", .array(.string(1...200), 0...100), "Names of tools the agent may call."),
        .optional("tags", .array(.string(1...50), 0...20), "Free labels."),
        .optional("temperature", .number(0...2), "Randomness of the model (default: the provider's)."),
        .optional("max_tokens", .integer(1...200_000), "Tokens of one reply (default 4096)."),
        .optional("max_iterations", .integer(1...50), "Model calls of one run (default 10)."),
        .optional("folder_id", .uuid, "The folder the agent is filed in."),
        .optional("prompt_variables", .object, "{KEY: {description?, value?}} for {{KEY}} in the prompt."),
        .optional("input_schema", .object, "JSON Schema (draft-07) of the input."),
        .optional("output_schema", .object, "JSON Schema (draft-07) of the output; forbids streaming."),
        .optional("approval_tools", .array(.string(1...200), 0...100), "Tools whose calls wait for a person's yes."),
        .optional("approval_required_tools", .array(.string(1...200), 0...100), "The same as approval_tools."),
        .optional("fallback_models", .array(.string(1...200), 0...5), "Models to try when the first one is down."),
        .optional("max_cost_usd", .number(0...1_000_000), "What one run may cost, in US dollars."),
        .optional("webhook_url", .string(1...2000), "Where to tell of the agent's runs; null clears."),
        .optional("pinned_resource_ids", .array(.string(1...200), 0...100), "Resources put into the prompt."),
    ]
}

extension Operation {
    static func agents(_ services: ControlServices) -> [Operation] {
        [list(services), get(services), create(services), update(services), setStatus(services), delete(services)]
    }

    private static func list(_ services: ControlServices) -> Operation {
        Operation(
            "agents_list", "Lists the workspace's agents, newest first.",
            [
                .optional("status", .choice(AgentStatus.allCases.map(\.rawValue)), "Only agents in this state."),
                .optional("folder_id", .string(1...36), "Only agents of this folder; \"none\": those in no folder."),
                .limit(1...1000, default: 1000), .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(.agentSummary)
        ) { call in
            if let folder = call.parameters.string("folder_id"), folder != "none" {
                guard let id = FolderID(folder) else {
                    throw AgentOSError.invalid("folder_id", "must be a UUID or \"none\"")
                }
                try await services.folders.check(id, workspace: call.workspaceKey)
            }
            let folder = call.parameters.string("folder_id")
            let limit = call.limit(1000)
            let agents = try await services.agents.list(
                workspace: call.workspaceKey,
                .init(
                    status: call.parameters.string("status").flatMap(AgentStatus.init),
                    folder: folder.flatMap { FolderID($0) }, unfiled: folder == "none",
                    before: try call.cursor(), limit: limit + 1))
            return .page(agents, limit: limit, cursor: { "\($0.id)" }) { .object(AgentView.summary($0)) }
        }
    }

    private static func get(_ services: ControlServices) -> Operation {
        Operation(
            "agents_get", "Shows an agent with its configuration.", [.agentID], readOnly: true, access: .role(.viewer),
            returns: .agent
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            return OperationResult(AgentView.full(agent))
        }
    }

    private static func create(_ services: ControlServices) -> Operation {
        Operation(
            "agents_create", "Creates an agent.",
            [
                .required("name", .string(1...120), "The agent's name."),
                .optional("system_prompt", .string(1...100_000), "Its instructions; required for a hosted agent."),
                .optional(
                    "runtime_type", .choice(RuntimeType.allCases.map(\.rawValue)),
                    "hosted: run here (default); external: reports its runs."),
            ] + Parameter.agentFields, access: .role(.member),
            returns: .open([
                ("agent_id", .uuid), ("id", .uuid), ("name", .string), ("status", .string), ("runtime_type", .string),
            ])
        ) { call in
            let workspace = try call.workspace
            let runtime = call.parameters.string("runtime_type").flatMap(RuntimeType.init) ?? .hosted
            if runtime == .hosted, call.parameters.string("system_prompt") == nil {
                throw AgentOSError.invalid("system_prompt", "is required")
            }
            try await AgentFields.checkReferences(call.parameters, workspace.ref, services)
            let epoch = Timestamp(microseconds: 0)
            var draft = Agent(
                key: 0, id: .new(at: epoch), workspaceKey: workspace.ref.key, workspaceID: workspace.ref.id,
                name: try call.parameters.requiredString("name"), runtimeType: runtime, createdAt: epoch,
                updatedAt: epoch)
            try AgentFields.apply(call.parameters, to: &draft)
            if runtime == .hosted { try await chooseModel(&draft, workspace.ref, services) }
            let agent = try await services.agents.create(draft)
            var answer: JSONObject = [
                "agent_id": .string("\(agent.id)"), "id": .string("\(agent.id)"), "name": .string(agent.name),
                "status": .string(agent.status.rawValue), "runtime_type": .string(agent.runtimeType.rawValue),
            ]
            if let url = call.parameters.string("webhook_url") {
                answer["webhook_secret"] = .optional(try await services.webhooks.set(url, agent: agent))
                services.agents.forgetAll()
            }
            return OperationResult(.object(answer))
        }
    }

    /// The provider goes by the model's name, else it is the first one with a key, else the demo when no model is named
    /// either.
    private static func chooseModel(
        _ draft: inout Agent, _ workspace: WorkspaceRef, _ services: ControlServices
    ) async throws {
        let configured = try await services.providerDirectory.firstConfigured(workspace: workspace)
        let provider: ProviderType
        if let given = draft.providerType {
            provider = given
        } else if let model = draft.model {
            provider = ModelNames.provider(forModel: model) ?? configured ?? .anthropic
        } else {
            provider = configured ?? .demo
        }
        draft.providerType = provider
        draft.model = draft.model ?? ModelNames.defaultModel(for: provider)
    }

    private static func update(_ services: ControlServices) -> Operation {
        Operation(
            "agents_update", "Changes the given fields of an agent; null clears one.",
            [
                .agentID, .optional("name", .string(1...120), "The agent's name."),
                .optional("system_prompt", .string(1...100_000), "Its instructions."),
                .optional("inbound_webhook", .boolean, "true: make a new link that starts runs; false: remove it."),
                .optional("inbound_webhook_secret", .string(1...200), "What senders sign with.").secret,
                .optional(
                    "inbound_webhook_style", .choice(InboundHookStore.styles), "How they sign (default agentos)."),
                .optional(
                    "inbound_webhook_template", .object,
                    "Which part of the body becomes which member of the input, as {member: path} with paths such as "
                        + "$.issue.title; default: the body is the input."),
            ] + Parameter.agentFields, access: .role(.member),
            returns: .open([("ok", .boolean), ("agent_id", .uuid), ("agent", .agent)])
        ) { call in
            let parameters = call.parameters
            try await AgentFields.checkReferences(parameters, call.workspace.ref, services)
            var updated = try await services.agents.update(
                parameters.id("agent_id"), workspace: call.workspaceKey
            ) { agent in
                try AgentFields.checkModelFields(parameters, of: agent)
                if let name = parameters.string("name") { agent.name = name }
                try AgentFields.apply(parameters, to: &agent)
                if agent.runtimeType == .hosted, parameters.mentions("model") || parameters.mentions("provider_type") {
                    AgentFields.fitProvider(&agent, given: parameters)
                }
            }
            var answer: JSONObject = ["ok": true, "agent_id": .string("\(updated.id)")]
            if parameters.mentions("webhook_url") {
                updated.webhookURL = parameters.string("webhook_url")
                let secret = try await services.webhooks.set(updated.webhookURL, agent: updated)
                if let secret { answer["webhook_secret"] = .string(secret) }
                services.agents.forgetAll()
            }
            if let wanted = parameters.bool("inbound_webhook") {
                answer["inbound_webhook_url"] = try await inboundHook(wanted, parameters, updated, services)
            }
            answer["agent"] = AgentView.full(updated)
            return OperationResult(.object(answer))
        }
    }

    private static func template(_ parameters: Parameters) throws -> JSONObject? {
        guard let template = parameters.object("inbound_webhook_template") else { return nil }
        for (name, path) in template.members where path.stringValue?.isEmpty != false {
            throw AgentOSError.invalid(
                "inbound_webhook_template.\(name.prefix(80))", "must be a path such as $.issue.title")
        }
        return template
    }

    /// Makes or removes the link that starts the agent's runs.
    private static func inboundHook(
        _ wanted: Bool, _ parameters: Parameters, _ agent: Agent, _ services: ControlServices
    ) async throws -> JSONValue {
        guard wanted else {
            try await services.inboundHooks.delete(agent: agent)
            return .null
        }
        guard agent.runtimeType == .hosted else {
            throw AgentOSError.invalid("inbound_webhook", "needs a hosted agent: this one runs elsewhere")
        }
        let token = try await services.inboundHooks.create(
            agent: agent, secret: parameters.string("inbound_webhook_secret"),
            style: parameters.string("inbound_webhook_style") ?? "agentos", template: try template(parameters))
        return .string("\(services.automation.settings.publicURL)/api/v1/hooks/\(agent.id)/\(token)")
    }

    private static func setStatus(_ services: ControlServices) -> Operation {
        Operation(
            "agents_set_status", "Activates, pauses or archives an agent.",
            [.agentID, .required("status", .choice(AgentStatus.allCases.map(\.rawValue)), "The new state.")],
            access: .role(.member), returns: .object([("ok", .boolean), ("agent_id", .uuid), ("status", .string)])
        ) { call in
            guard let status = AgentStatus(rawValue: try call.parameters.requiredString("status")) else {
                throw AgentOSError.invalid("status", "is unknown")
            }
            let agent = try await services.agents.update(call.parameters.id("agent_id"), workspace: call.workspaceKey) {
                $0.status = status
            }
            return OperationResult([
                "ok": true, "agent_id": .string("\(agent.id)"), "status": .string(agent.status.rawValue),
            ])
        }
    }

    private static func delete(_ services: ControlServices) -> Operation {
        Operation(
            "agents_delete", "Deletes an agent for good, with its keys, runs and conversations.", [.agentID],
            access: .role(.admin), returns: .object([("ok", .boolean), ("agent_id", .uuid)])
        ) { call in
            let id: AgentID = try call.parameters.id("agent_id")
            let key = try await services.agents.delete(id, workspace: call.workspaceKey)
            services.keys.forgetAll()
            services.runs.forget(agent: key)
            services.runtime.cancelAll(ofAgent: key)
            return OperationResult(["ok": true, "agent_id": .string("\(id)")])
        }
    }
}

extension OperationCall {
    /// The id in `cursor`.
    func cursor<Named>() throws -> ID<Named>? {
        guard let text = parameters.string("cursor") else { return nil }
        guard let id = ID<Named>(text) else {
            throw AgentOSError.invalid("cursor", "is not one of this list's cursors")
        }
        return id
    }
}
