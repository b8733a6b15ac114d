import AgentOSCore
import AgentOSStore

/// Runs and agents as MCP resources.
enum MCPResources {
    static let templates: JSONValue = [
        "resourceTemplates": [
            [
                "uriTemplate": "agentos://runs/{id}", "name": "run", "title": "A run",
                "description": "A run with its input, output, error, tasks, tokens and cost.",
                "mimeType": "application/json",
            ],
            [
                "uriTemplate": "agentos://agents/{id}", "name": "agent", "title": "An agent",
                "description": "An agent with its configuration.", "mimeType": "application/json",
            ],
        ]
    ]

    /// - Parameter workspace: its slug, for a key that has to say which one is meant.
    static func agent(_ agent: JSONValue, in workspace: String?) -> JSONValue? {
        guard let id = agent["id"]?.stringValue, let name = agent["name"] else { return nil }
        let place = workspace.map { "?workspace=\($0)" } ?? ""
        var out: JSONObject = ["uri": .string("agentos://agents/\(id)\(place)"), "name": name]
        // An optional member of the protocol is left out; null is none.
        if let description = agent["description"], !description.isNull { out["description"] = description }
        out["mimeType"] = "application/json"
        return .object(out)
    }

    /// Agents of all workspaces of a key, a page at a time.
    struct Listing {
        private static let pageSize = 100

        let registry: OperationRegistry
        let principal: Principal

        /// - Parameter cursor: of the page before; nil for the first.
        /// - Throws: `RPCError` for a cursor that no page gave out; what the operations throw.
        func page(_ cursor: String?) async throws -> JSONValue {
            var (from, inside) = try Self.place(cursor)
            let workspaces = try await workspaces()
            var (found, next): ([JSONValue], ListPlace?) = ([], nil)
            for workspace in workspaces where workspace.id >= from {
                guard found.count < Self.pageSize else {
                    next = ListPlace(.text(workspace.id), .text(""))
                    break
                }
                if workspace.id != from { inside = "" }
                from = workspace.id
                var parameters: JSONObject = [
                    "limit": .int(Self.pageSize - found.count), "workspace": .string(workspace.id),
                ]
                if !inside.isEmpty { parameters["cursor"] = .string(inside) }
                let given = parameters
                let listed = try await registry.call("agents_list", by: principal) { given }
                let agents = try JSONParser.parse(listed.data).arrayValue ?? []
                let slug = workspaces.count > 1 ? workspace.slug : nil
                found += agents.compactMap { MCPResources.agent($0, in: slug) }
                if let rest = listed.nextCursor {
                    next = ListPlace(.text(workspace.id), .text(rest))
                    break
                }
            }
            var out: JSONObject = ["resources": .array(found)]
            if let next { out["nextCursor"] = .string(next.cursor) }
            return .object(out)
        }

        /// The workspace that a page begins in, and the cursor of its agents there.
        private static func place(_ cursor: String?) throws -> (workspace: String, agents: String) {
            guard let cursor else { return ("", "") }
            guard let place = try? ListPlace(cursor: cursor), place.values.count == 2,
                case .text(let workspace)? = place.values.first, case .text(let agents)? = place.values.last
            else { throw RPCError(code: -32602, message: "cursor is not one of this list.") }
            return (workspace, agents)
        }

        /// In the order of their ids.
        private func workspaces() async throws -> [(id: String, slug: String)] {
            let listed = try await registry.call("workspaces_list", by: principal) { ["limit": 1000] }
            let rows = try JSONParser.parse(listed.data).arrayValue ?? []
            return rows.compactMap { row -> (id: String, slug: String)? in
                guard let id = row["id"]?.stringValue, let slug = row["slug"]?.stringValue else { return nil }
                return (id, slug)
            }.sorted { $0.id < $1.id }
        }
    }

    /// The operation that reads a resource; nil when the URI names none.
    static func lookup(_ uri: String) -> (operation: String, parameters: JSONObject)? {
        for (prefix, operation, parameter) in [
            ("agentos://runs/", "runs_get", "run_id"), ("agentos://agents/", "agents_get", "agent_id"),
        ] where uri.hasPrefix(prefix) {
            let parts = uri.dropFirst(prefix.count).split(separator: "?", maxSplits: 1).map(String.init)
            guard let id = parts.first, UUIDBits(id) != nil else { return nil }
            var parameters: JSONObject = [parameter: .string(id)]
            // With a personal key: agentos://runs/<id>?workspace=<slug>
            if parts.count == 2, parts[1].hasPrefix("workspace=") {
                parameters["workspace"] = .string(String(parts[1].dropFirst("workspace=".count)))
            }
            return (operation, parameters)
        }
        return nil
    }
}
