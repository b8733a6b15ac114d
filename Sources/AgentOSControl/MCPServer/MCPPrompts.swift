import AgentOSCore

/// Things people ask an assistant for again and again.
enum MCPPrompts {
    static let list: JSONValue = [
        "prompts": [
            [
                "name": "triage_failed_run", "title": "Triage a failed run",
                "description": "Finds out why a run failed and what to do about it.",
                "arguments": [["name": "run_id", "description": "The run's id.", "required": true]],
            ],
            [
                "name": "summarise_today", "title": "Summarise today",
                "description": "Says what the agents did today, what failed and what it cost.",
                "arguments": [["name": "workspace", "description": "Slug, for a personal key.", "required": false]],
            ],
        ]
    ]

    /// - Parameter workspace: the one that is meant where the arguments name none.
    static func get(_ params: JSONObject, in workspace: String?) throws -> JSONValue {
        let arguments = (params["arguments"]?.objectValue ?? JSONObject()).naming(workspace)
        switch params["name"]?.stringValue {
        case "triage_failed_run":
            guard let run = arguments["run_id"]?.stringValue, UUIDBits(run) != nil else {
                throw RPCError(code: -32602, message: "run_id must be a UUID.")
            }
            return prompt(
                "Triage a failed run",
                """
                Find out why the run \(run) failed. Read it with runs_get and its events with runs_get_events; look at \
                the agent with agents_get and at its latest runs with runs_list, to tell a single failure from a \
                pattern. Then say in a few sentences: what failed and where, the most likely cause with the events \
                that show it, whether it has happened before, and what to change. Change nothing yourself.
                """)
        case "summarise_today":
            let place = arguments["workspace"]?.stringValue.map { " of the workspace \($0)" } ?? ""
            return prompt(
                "Summarise today",
                """
                Summarise what the agents\(place) did today. Use usage_summary with days 1, fleet_health with days 1, \
                runs_list with status failed, and approvals_list. Say how many runs there were, what failed and why, \
                what waits for a person, and what it cost, the most important first.
                """)
        default: throw RPCError(code: -32602, message: "There is no such prompt.")
        }
    }

    private static func prompt(_ title: String, _ text: String) -> JSONValue {
        [
            "description": .string(title),
            "messages": [["role": "user", "content": ["type": "text", "text": .string(text)]]],
        ]
    }
}
