import AgentOSCore
import AgentOSProviders
import AgentOSStore

extension Operation {
    static func marketplace(_ services: ControlServices) -> [Operation] {
        [listTemplates(services), install(services), integrations(services)]
    }

    private static func listTemplates(_ services: ControlServices) -> Operation {
        Operation(
            "marketplace_list_templates", "Lists agents to start from.", [.limit(1...1000, default: 1000), .cursor],
            readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("id", .string), ("name", .string), ("description", .string), ("category", .string),
                    ("model", .string), ("tools", .array(.string)), ("setup_notes", .array(.string)),
                ]))
        ) { call in
            return .page(try Page(of: services.templates.templates, call.page(1000))) { template in
                [
                    "id": .string(template.id), "name": .string(template.name),
                    "description": .string(template.description), "category": .string(template.category),
                    "model": .string(template.model), "tools": .array(template.tools.map(JSONValue.string)),
                    "setup_notes": .array(template.setupNotes.map(JSONValue.string)),
                ]
            }
        }
    }

    private static func install(_ services: ControlServices) -> Operation {
        Operation(
            "marketplace_install_template", "Makes an agent of a template, paused, with a key that is shown this once.",
            [.required("template_id", .string(1...100), "The template's id.")], access: .role(.admin),
            returns: .object([
                ("agent_id", .uuid), ("id", .uuid), ("api_key", .string), ("setup_notes", .array(.string)),
                ("status", .string),
            ])
        ) { call in
            let workspace = try call.workspace.ref
            guard let template = services.templates[try call.parameters.requiredString("template_id")] else {
                throw AgentOSError.notFound("template")
            }
            let epoch = Timestamp(microseconds: 0)
            var draft = Agent(
                key: 0, id: .new(at: epoch), workspaceKey: workspace.key, workspaceID: workspace.id,
                name: template.name,
                runtimeType: .hosted, createdAt: epoch, updatedAt: epoch)
            draft.description = template.description
            draft.systemPrompt = template.systemPrompt
            draft.model = template.model
            draft.providerType = ModelNames.provider(forModel: template.model) ?? .anthropic
            draft.tools = template.tools
            draft.approvalTools = template.approvalTools
            draft.promptVariables = template.promptVariables
            draft.inputSchema = template.inputSchema
            draft.outputSchema = template.outputSchema
            draft.status = .paused
            let directory = services.runtime.tools
            try await directory.check(draft.tools, field: "template_id", workspace: workspace)
            try await directory.check(draft.approvalTools, field: "template_id", gated: true, workspace: workspace)
            let agent = try await services.agents.create(draft)
            let (_, key) = try await services.keys.create(
                name: template.name, workspace: workspace.key, agent: agent.key)
            return OperationResult([
                "agent_id": .string("\(agent.id)"), "id": .string("\(agent.id)"), "api_key": .string(key.text),
                "setup_notes": .array(template.setupNotes.map(JSONValue.string)), "status": "paused",
            ])
        }
    }

    /// Toolkits that are connected at Composio; a server without a key for it has none.
    private static func integrations(_ services: ControlServices) -> Operation {
        Operation(
            "integrations_list", "Lists connected services by name.", [.limit(1...1000, default: 1000), .cursor],
            readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("id", .string), ("name", .string), ("provider", .string), ("status", .string),
                    ("connected_at", .nullable(.time)),
                ]))
        ) { call in
            let page = try call.page(1000)
            let toolkits = try await services.composio.toolkits().sorted { $0.slug < $1.slug }
            return .page(try Page(of: toolkits, page) { ListPlace(.text($0.slug)) }) { toolkit in
                [
                    "id": .string(toolkit.slug), "name": .string(toolkit.slug), "provider": "composio",
                    "status": "connected", "connected_at": .time(toolkit.connectedAt),
                ]
            }
        }
    }
}
