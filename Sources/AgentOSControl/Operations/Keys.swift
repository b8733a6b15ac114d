import AgentOSCore
import AgentOSStore

extension Operation {
    static func keys(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "api_keys_list", "Lists the API keys of the workspace or of one agent, without their text.",
                [
                    .optional("agent_id", .uuid, "Only keys of this agent."),
                    .optional("include_revoked", .boolean, "Also revoked ones (default false)."),
                    .limit(1...1000, default: 1000), .cursor,
                ], readOnly: true, access: .role(.admin),
                returns: .array(
                    .object([
                        ("id", .uuid), ("name", .string), ("prefix", .string), ("agent_id", .nullable(.uuid)),
                        ("revoked", .boolean), ("last_used_at", .nullable(.time)), ("kind", .string),
                        ("created_at", .time),
                    ]))
            ) { call in
                let page = try call.page(1000)
                let agent: AgentID? = call.parameters.optionalID("agent_id")
                var agentKey: Int64?
                if let agent { agentKey = try await services.agents.agent(agent, workspace: call.workspaceKey).key }
                let keys = try await services.keys.list(
                    workspace: call.workspaceKey, agent: agentKey,
                    includeRevoked: call.parameters.bool("include_revoked") ?? false, page)
                return .page(keys) { key in
                    [
                        "id": .string("\(key.id)"), "name": .string(key.name), "prefix": .string(key.prefix),
                        "agent_id": .optional(key.agentID?.description), "revoked": .bool(key.revokedAt != nil),
                        "last_used_at": .time(key.lastUsedAt), "kind": .string(key.kind.rawValue),
                        "created_at": .time(key.createdAt),
                    ]
                }
            },
            Operation(
                "api_keys_create", "Creates a key of an agent; its text is shown this once.",
                [.agentID, .required("name", .string(1...100), "A label.")], access: .role(.admin),
                returns: .object([
                    ("key_id", .uuid), ("id", .uuid), ("api_key", .string), ("name", .string), ("prefix", .string),
                    ("agent_id", .uuid),
                ])
            ) { call in
                let workspace = try call.workspaceKey
                let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: workspace)
                let name = try call.parameters.requiredString("name")
                let (id, key) = try await services.keys.create(name: name, workspace: workspace, agent: agent.key)
                return OperationResult([
                    "key_id": .string("\(id)"), "id": .string("\(id)"), "api_key": .string(key.text),
                    "name": .string(name), "prefix": .string(key.visiblePrefix), "agent_id": .string("\(agent.id)"),
                ])
            },
            Operation(
                "api_keys_revoke", "Revokes a key from the very next request on.",
                [.required("key_id", .uuid, "The key.")], access: .role(.admin),
                returns: .object([("ok", .boolean), ("key_id", .uuid)])
            ) { call in
                let id: KeyID = try call.parameters.id("key_id")
                try await services.keys.revoke(id, workspace: call.workspaceKey)
                return OperationResult(["ok": true, "key_id": .string("\(id)")])
            },
            createWorkspaceKey(services), createUserKey(services), listUserKeys(services), revokeUserKey(services),
        ]
    }

    private static let newKey = ResultType.object([
        ("key_id", .uuid), ("id", .uuid), ("api_key", .string), ("name", .string), ("prefix", .string),
    ])

    private static func shown(_ id: KeyID, _ key: GeneratedKey, _ name: String) -> OperationResult {
        OperationResult([
            "key_id": .string("\(id)"), "id": .string("\(id)"), "api_key": .string(key.text), "name": .string(name),
            "prefix": .string(key.visiblePrefix),
        ])
    }

    private static let keyName = Parameter.required("name", .string(1...100), "A label.")

    private static func createWorkspaceKey(_ services: ControlServices) -> Operation {
        Operation(
            "keys_create_workspace", "Creates a key for all agents of the workspace; its text is shown this once.",
            [keyName], access: .person(.admin), returns: newKey
        ) { call in
            let name = try call.parameters.requiredString("name")
            let (id, key) = try await services.keys.create(.workspace, name: name, workspace: call.workspaceKey)
            return shown(id, key, name)
        }
    }

    private static func createUserKey(_ services: ControlServices) -> Operation {
        Operation(
            "keys_create_user", "Creates another personal key of the caller; its text is shown this once.", [keyName],
            access: .anyPerson, returns: newKey
        ) { call in
            let name = try call.parameters.requiredString("name")
            let (id, key) = try await services.keys.create(.user, name: name, user: call.user)
            return shown(id, key, name)
        }
    }

    private static func listUserKeys(_ services: ControlServices) -> Operation {
        Operation(
            "keys_list_user", "Lists the caller's personal keys, without their text, newest first.",
            [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .anyPerson,
            returns: .array(
                .object([
                    ("id", .uuid), ("name", .string), ("prefix", .string), ("last_used_at", .nullable(.time)),
                    ("created_at", .time),
                ]))
        ) { call in
            let keys = try await services.keys.list(user: call.user, call.page(1000))
            return .page(keys) { key in
                [
                    "id": .string("\(key.id)"), "name": .string(key.name), "prefix": .string(key.prefix),
                    "last_used_at": .time(key.lastUsedAt), "created_at": .time(key.createdAt),
                ]
            }
        }
    }

    private static func revokeUserKey(_ services: ControlServices) -> Operation {
        Operation(
            "keys_revoke_user", "Revokes one of the caller's personal keys from the very next request on.",
            [.required("key_id", .uuid, "The key.")], access: .anyPerson,
            returns: .object([("ok", .boolean), ("key_id", .uuid)])
        ) { call in
            let id: KeyID = try call.parameters.id("key_id")
            try await services.keys.revoke(id, user: call.user)
            return OperationResult(["ok": true, "key_id": .string("\(id)")])
        }
    }
}
