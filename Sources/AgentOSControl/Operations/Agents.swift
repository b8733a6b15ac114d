import AgentOSCore
import AgentOSProviders
import AgentOSRuntime
import AgentOSStore

extension Parameter {
    static let agentID = Parameter.required("agent_id", .uuid, "The agent.")
    static let cursor = Parameter.optional(
        "cursor", .string(1...2000), "Where the previous page ended: its x-next-cursor header.")

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
            let page = try call.page(1000)
            if let folder = call.parameters.string("folder_id"), folder != "none" {
                guard let id = FolderID(folder) else {
                    throw AgentOSError.invalid("folder_id", "must be a UUID or \"none\"")
                }
                try await services.folders.check(id, workspace: call.workspaceKey)
            }
            let folder = call.parameters.string("folder_id")
            let agents = try await services.agents.list(
                workspace: call.workspaceKey,
                .init(
                    status: call.parameters.string("status").flatMap(AgentStatus.init),
                    folder: folder.flatMap { FolderID($0) }, unfiled: folder == "none"), page)
            return .page(agents) { .object(AgentView.summary($0)) }
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
            try AgentFields.checkNewModelFields(call.parameters, runtime)
            let pins = try await AgentFields.checkReferences(call.parameters, workspace.ref, services)
            let epoch = Timestamp(microseconds: 0)
            var draft = Agent(
                key: 0, id: .new(at: epoch), workspaceKey: workspace.ref.key, workspaceID: workspace.ref.id,
                name: try call.parameters.requiredString("name"), runtimeType: runtime, createdAt: epoch,
                updatedAt: epoch)
            try AgentFields.apply(call.parameters, pins: pins, to: &draft)
            if runtime == .hosted { try await chooseModel(&draft, workspace.ref, services) }
            let (url, webhooks, trail) = (call.parameters.string("webhook_url"), services.webhooks, AuditTrail.current)
            let (agent, secret) = try await services.agents.create(draft) { agent, connection -> (Agent, String?) in
                (agent, try url.flatMap { try webhooks.set($0, agent: agent, trail: trail, connection) })
            }
            var answer: JSONObject = [
                "agent_id": .string("\(agent.id)"), "id": .string("\(agent.id)"), "name": .string(agent.name),
                "status": .string(agent.status.rawValue), "runtime_type": .string(agent.runtimeType.rawValue),
            ]
            if let secret { answer["webhook_secret"] = .string(secret) }
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
                .agentID, .optional("name", .string(1...120), "The agent's name.").lasting,
                .optional("system_prompt", .string(1...100_000), "Its instructions.").lasting,
            ] + InboundFields.parameters + Parameter.agentFields, access: .role(.member),
            returns: .open([("ok", .boolean), ("agent_id", .uuid), ("agent", .agent)])
        ) { call in
            let parameters = call.parameters
            let pins = try await AgentFields.checkReferences(parameters, call.workspace.ref, services)
            let inbound = try InboundFields(parameters)
            let (webhooks, hooks, trail) = (services.webhooks, services.inboundHooks, AuditTrail.current)
            let done = try await services.agents.update(
                parameters.id("agent_id"), workspace: call.workspaceKey,
                { agent in
                    try AgentFields.checkModelFields(parameters, of: agent)
                    if let name = parameters.string("name") { agent.name = name }
                    try AgentFields.apply(parameters, pins: pins, to: &agent)
                    if parameters.mentions("webhook_url") { agent.webhookURL = parameters.string("webhook_url") }
                    let choosesModel = parameters.mentions("model") || parameters.mentions("provider_type")
                    if agent.runtimeType == .hosted, choosesModel {
                        AgentFields.fitProvider(&agent, given: parameters)
                    }
                },
                with: { stored, connection -> Updated in
                    var done = Updated(agent: stored)
                    if parameters.mentions("webhook_url") {
                        done.secret = try webhooks.set(stored.webhookURL, agent: stored, trail: trail, connection)
                    }
                    done.link = try inbound.apply(to: stored, hooks, trail: trail, connection)
                    return done
                })
            var answer: JSONObject = ["ok": true, "agent_id": .string("\(done.agent.id)")]
            if let secret = done.secret { answer["webhook_secret"] = .string(secret) }
            switch done.link {
            case .untouched: break
            case .removed: answer["inbound_webhook_url"] = .null
            case .made(let token):
                let base = services.automation.settings.publicURL
                answer["inbound_webhook_url"] = .string("\(base)/api/v1/hooks/\(done.agent.id)/\(token)")
            }
            answer["agent"] = AgentView.full(done.agent)
            return OperationResult(.object(answer))
        }
    }

    /// What came of an update, besides the agent itself.
    private struct Updated: Sendable {
        var agent: Agent
        /// Of a URL that was not set before.
        var secret: String?
        var link = InboundFields.Outcome.untouched
    }

    private static func setStatus(_ services: ControlServices) -> Operation {
        Operation(
            "agents_set_status", "Activates, pauses or archives an agent; archiving disables its schedule too.",
            [.agentID, .required("status", .choice(AgentStatus.allCases.map(\.rawValue)), "The new state.")],
            access: .role(.member), returns: .object([("ok", .boolean), ("agent_id", .uuid), ("status", .string)])
        ) { call in
            guard let status = AgentStatus(rawValue: try call.parameters.requiredString("status")) else {
                throw AgentOSError.invalid("status", "is unknown")
            }
            let (schedules, trail) = (services.schedules, AuditTrail.current)
            let agent = try await services.agents.update(
                call.parameters.id("agent_id"), workspace: call.workspaceKey, { $0.status = status },
                with: { agent, connection -> Agent in
                    if status == .archived { try schedules.stop(agent: agent.key, trail: trail, connection) }
                    return agent
                })
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
            try await services.humanInput.wakeOrphans()
            return OperationResult(["ok": true, "agent_id": .string("\(id)")])
        }
    }
}
