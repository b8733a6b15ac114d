import AgentOSCore
import AgentOSStore

extension Operation {
    static func versions(_ services: ControlServices) -> [Operation] {
        [versionsList(services), versionGet(services), versionsDiff(services), rollback(services)]
    }

    private static let changeShape = ResultType.object([
        ("field", .string), ("before", .anything), ("after", .anything),
    ])

    private static let versionShape: [(String, ResultType)] = [
        ("id", .string), ("agent_id", .uuid), ("version", .integer), ("author", .nullable(.string)),
        ("note", .nullable(.string)), ("created_at", .time),
    ]

    private static func view(_ version: AgentVersion, _ agent: Agent) -> JSONObject {
        [
            "id": .string("\(agent.id)@\(version.version)"), "agent_id": .string("\(agent.id)"),
            "version": .int(version.version), "author": .optional(version.author), "note": .optional(version.note),
            "created_at": .time(version.createdAt),
        ]
    }

    private static func changes(_ old: JSONObject, _ new: JSONObject) -> JSONValue {
        .array(
            ConfigurationChange.between(old, new).map {
                ["field": .string($0.field), "before": $0.before, "after": $0.after]
            })
    }

    private static func versionsList(_ services: ControlServices) -> Operation {
        Operation(
            "agents_versions", "Lists the versions of an agent's configuration, newest first.",
            [
                .agentID, .limit(), .cursor,
            ], readOnly: true, access: .role(.viewer),
            returns: .array(.object(versionShape + [("changed", .array(.string)), ("is_current", .boolean)]))
        ) { call in
            let page = try call.page()
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            let versions = try await services.agentVersions.list(agent: agent.key, page)
            // Each is compared with the one before it, the last one with one that is not shown.
            var older = Dictionary(
                zip(versions.items, versions.items.dropFirst()).map { ($0.version, $1.configuration) },
                uniquingKeysWith: { first, _ in first })
            if versions.end != nil, let last = versions.items.last {
                let before = try await services.agentVersions.predecessor(of: last.version, agent: agent.key)
                older[last.version] = before?.configuration
            }
            let predecessors = older
            return .page(versions) { version in
                var row = view(version, agent)
                let changes = predecessors[version.version].map {
                    ConfigurationChange.between($0, version.configuration).map { JSONValue.string($0.field) }
                }
                row["changed"] = .array(changes ?? [])
                row["is_current"] = .bool(version.version == agent.version)
                return .object(row)
            }
        }
    }

    private static func versionGet(_ services: ControlServices) -> Operation {
        Operation(
            "agents_version_get", "Shows one version of an agent's configuration.",
            [.agentID, .required("version", .integer(1...1 << 31), "Its number.")], readOnly: true,
            access: .role(.viewer), returns: .object(versionShape + [("configuration", .freeObject)])
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            let version = try await services.agentVersions.version(
                call.parameters.int("version") ?? 0, agent: agent.key)
            var out = view(version, agent)
            out["configuration"] = .object(version.configuration)
            return OperationResult(.object(out))
        }
    }

    private static func versionsDiff(_ services: ControlServices) -> Operation {
        Operation(
            "agents_diff", "Shows in which fields two versions of an agent differ.",
            [
                .agentID, .required("from_version", .integer(1...1 << 31), "The older one."),
                .optional("to_version", .integer(1...1 << 31), "The newer one (default: the current one)."),
            ], readOnly: true, access: .role(.viewer),
            returns: .object([
                ("agent_id", .uuid), ("from_version", .integer), ("to_version", .integer),
                ("changes", .array(changeShape)),
            ])
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            let (from, to) = (call.parameters.int("from_version") ?? 1, call.parameters.int("to_version"))
            let old = try await services.agentVersions.version(from, agent: agent.key)
            var new = agent.configuration
            if let to { new = try await services.agentVersions.version(to, agent: agent.key).configuration }
            return OperationResult([
                "agent_id": .string("\(agent.id)"), "from_version": .int(from),
                "to_version": .int(to ?? agent.version), "changes": changes(old.configuration, new),
            ])
        }
    }

    private static func rollback(_ services: ControlServices) -> Operation {
        Operation(
            "agents_rollback", "Gives an agent the configuration of an earlier version; that makes a new version.",
            [.agentID, .required("version", .integer(1...1 << 31), "The version to go back to.")],
            access: .role(.member),
            returns: .object([
                ("ok", .boolean), ("agent_id", .uuid), ("version", .integer), ("agent", .agent),
            ])
        ) { call in
            let (id, number): (AgentID, Int) = (
                try call.parameters.id("agent_id"), call.parameters.int("version") ?? 0
            )
            let workspace = try call.workspace.ref
            let known = try await services.agents.agent(id, workspace: workspace.key)
            let version = try await services.agentVersions.version(number, agent: known.key)
            // Tools and files that it names may be gone by now: a run goes on without them, whoever lists them.
            let agent = try await services.agents.update(
                id, workspace: workspace.key, note: "Rolled back to version \(number)."
            ) { $0.adopt(version.configuration) }
            return OperationResult([
                "ok": true, "agent_id": .string("\(id)"), "version": .int(agent.version),
                "agent": AgentView.full(agent),
            ])
        }
    }
}
