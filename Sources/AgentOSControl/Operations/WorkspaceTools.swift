import AgentOSCore
import AgentOSRuntime
import AgentOSStore

extension Operation {
    static func workspaceTools(_ services: ControlServices) -> [Operation] {
        [
            createTool(services), listTools(services), deleteTool(services),
            Operation(
                "tools_list_composio", "Lists the actions of the toolkits that are connected at Composio, by toolkit.",
                [],
                readOnly: true, access: .role(.viewer),
                returns: .object([
                    (
                        "toolkits",
                        .array(
                            .object([
                                ("toolkit", .string), ("connected", .boolean),
                                (
                                    "actions",
                                    .array(
                                        .object([("tool_name", .string), ("name", .string), ("description", .string)]))
                                ),
                            ]))
                    )
                ])
            ) { _ in
                let toolkits = try await services.composio.toolkits().map { toolkit -> JSONValue in
                    let actions = toolkit.actions.map { action -> JSONValue in
                        [
                            "tool_name": .string(action.toolName), "name": .string(action.name),
                            "description": .string(action.description),
                        ]
                    }
                    return ["toolkit": .string(toolkit.slug), "connected": true, "actions": .array(actions)]
                }
                return OperationResult(["toolkits": .array(toolkits)])
            },
        ]
    }

    private static func createTool(_ services: ControlServices) -> Operation {
        Operation(
            "tools_create_workspace", "Creates an HTTP tool that agents of the workspace can be given by its name.",
            [
                .required("name", .string(1...64), "Its name: letters, digits, hyphens, underscores."),
                .required("method", .choice(["GET", "POST", "PUT", "PATCH", "DELETE"]), "The HTTP method."),
                .required(
                    "url", .string(1...2000),
                    "An absolute http or https URL; {name} in path and query is filled from the arguments."),
                .optional("description", .string(0...4000), "Tells the model when to use it."),
                .optional("auth_secret", .string(1...2000), "Stored encrypted, sent as bearer token.").secret,
                .optional("headers", .object, "Further headers, {name: value}; stored encrypted.").secret,
                .optional("input_schema", .object, "JSON Schema of the arguments (default: any object)."),
                .optional("timeout_seconds", .integer(1...120), "Time for one call (default 30)."),
                .optional("requires_approval", .boolean, "Whether each call waits for a person's yes (default false)."),
                .optional("idempotent", .boolean, "Whether a repeated Idempotency-Key has no second effect."),
                .optional(
                    "unknown_outcome", .choice(UnknownOutcome.allCases.map(\.rawValue)),
                    "What becomes of a call that a crash cut off: retry, ask a person, report to the model (default)."),
                .optional("enabled", .boolean, "Whether agents can use it (default true)."),
            ], access: .role(.admin), returns: .object([("tool_id", .uuid), ("id", .uuid), ("name", .string)])
        ) { call in
            let draft = try toolDraft(call.parameters, services.runtime.shelf)
            // Said before the URL is looked up, which takes the network.
            let known = try await services.workspaceTools.list(workspace: call.workspaceKey, enabledOnly: false)
            if known.contains(where: { $0.name == draft.name }) {
                throw AgentOSError(.conflict, "There is already a tool named \(draft.name).")
            }
            try await checkToolURL(draft.url, services)
            let id = try await services.workspaceTools.create(call.workspace.ref, draft)
            return OperationResult([
                "tool_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(draft.name),
            ])
        }
    }

    private static func toolDraft(_ parameters: Parameters, _ shelf: ToolShelf) throws -> WorkspaceToolDraft {
        var draft = WorkspaceToolDraft(
            name: try parameters.requiredString("name"), method: try parameters.requiredString("method"),
            url: try parameters.requiredString("url"))
        try WorkspaceToolRules.check(name: draft.name, shelf: shelf)
        draft.description = parameters.string("description").flatMap { $0.isEmpty ? nil : $0 }
        draft.isEnabled = parameters.bool("enabled") ?? true
        draft.secret = parameters.string("auth_secret")
        guard draft.secret?.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f }) != false else {
            throw AgentOSError.invalid("auth_secret", "must be printable ASCII without blanks")
        }
        draft.headers = try WorkspaceToolRules.headers(
            parameters.object("headers") ?? JSONObject(), hasSecret: draft.secret != nil)
        draft.inputSchema = try toolSchema(parameters.value("input_schema"))
        draft.timeoutSeconds = parameters.int("timeout_seconds") ?? draft.timeoutSeconds
        draft.requiresApproval = parameters.bool("requires_approval") ?? false
        draft.isIdempotent = parameters.bool("idempotent") ?? false
        draft.unknownOutcome = parameters.string("unknown_outcome") ?? draft.unknownOutcome
        return draft
    }

    /// `{}` means none, as it does for agents.
    private static func toolSchema(_ schema: JSONValue?) throws -> JSONValue? {
        let bound = 64 << 10
        guard let schema, schema.objectValue?.isEmpty == false else { return nil }
        guard schema.encoded.count <= bound else {
            throw AgentOSError.invalid("input_schema", "must be at most \(bound) bytes long")
        }
        guard schema["type"] == nil || schema["type"] == "object" else {
            throw AgentOSError.invalid("input_schema.type", "must be object: arguments are one")
        }
        do {
            _ = try JSONSchema(schema)
        } catch let error as JSONSchema.Invalid {
            let path = error.path.isEmpty ? "input_schema" : "input_schema.\(error.path)"
            throw AgentOSError.invalid(path, error.message)
        }
        return schema
    }

    /// The outbound guard, with the URL's places filled with something harmless.
    private static func checkToolURL(_ url: String, _ services: ControlServices) async throws {
        let template = try WorkspaceToolRules.template(url: url)
        do {
            try await services.checkURL(template.sample, "url")
        } catch let error as AgentOSError where error.code == .validation {
            throw AgentOSError.invalid("url", error.details.first?.message ?? error.message)
        }
    }

    private static func listTools(_ services: ControlServices) -> Operation {
        Operation(
            "tools_list_workspace", "Lists the workspace's HTTP tools by name; never their secrets.",
            [
                .optional("enabled_only", .boolean, "Only those that agents can use (default false)."),
                .limit(1...1000, default: 1000), .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(.workspaceTool)
        ) { call in
            let store = services.workspaceTools
            let tools = try await store.list(
                workspace: call.workspaceKey, enabledOnly: call.parameters.bool("enabled_only") ?? false)
            return .page(try Page(of: tools, call.page(1000)) { ListPlace(.text($0.name)) }) { view($0, store) }
        }
    }

    private static func view(_ tool: WorkspaceTool, _ store: WorkspaceToolStore) -> JSONValue {
        // The names only; null when they were sealed under another master key.
        let headers = try? store.credentials(of: tool).headers.map { JSONValue.string($0.name) }
        return [
            "id": .string("\(tool.id)"), "name": .string(tool.name), "method": .string(tool.method),
            "url": .string(tool.url), "description": .optional(tool.description), "enabled": .bool(tool.isEnabled),
            "has_auth": .bool(tool.hasAuth), "header_names": headers.map(JSONValue.array) ?? .null,
            "input_schema": tool.inputSchema ?? .null, "timeout_seconds": .int(tool.timeoutSeconds),
            "requires_approval": .bool(tool.requiresApproval), "idempotent": .bool(tool.isIdempotent),
            "unknown_outcome": .string(tool.unknownOutcome), "created_at": .time(tool.createdAt),
        ]
    }

    private static func deleteTool(_ services: ControlServices) -> Operation {
        Operation(
            "tools_delete_workspace", "Deletes an HTTP tool; agents that list it lose it with their next run.",
            [.required("tool_id", .uuid, "The tool.")], access: .role(.admin),
            returns: .object([("ok", .boolean), ("tool_id", .uuid)])
        ) { call in
            let id: WorkspaceToolID = try call.parameters.id("tool_id")
            try await services.workspaceTools.delete(id, workspace: call.workspaceKey)
            return OperationResult(["ok": true, "tool_id": .string("\(id)")])
        }
    }
}
