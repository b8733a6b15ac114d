import AgentOSCore

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

    static func agent(_ agent: JSONValue) -> JSONValue? {
        guard let id = agent["id"]?.stringValue, let name = agent["name"] else { return nil }
        return [
            "uri": .string("agentos://agents/\(id)"), "name": name, "description": agent["description"] ?? .null,
            "mimeType": "application/json",
        ]
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
