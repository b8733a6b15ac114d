import AgentOSCore
import AgentOSStore

extension Operation {
    static func search(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "runs_search",
                "Finds runs by words in input, output, error and external id, and by what they are; newest first.",
                [
                    .optional(
                        "query", .string(1...500),
                        "Words that all have to be there; in double quotes: the words in this order; a * behind a word "
                            + "or a quote leaves its end open."),
                    .optional("agent_id", .uuid, "Only runs of this agent."),
                    .optional("tag", .string(1...50), "Only runs of agents with this label."),
                    .optional(
                        "status", .choice(["running", "completed", "failed", "cancelled"]),
                        "Only runs in this state; running also finds those that wait for somebody."),
                    .optional("since", .string(1...40), "Only runs that began at this time or later (ISO 8601)."),
                    .optional("until", .string(1...40), "Only runs that began before this time (ISO 8601)."),
                    .optional("min_cost_usd", .number(0...1_000_000), "Only runs that cost at least this."),
                    .optional("max_cost_usd", .number(0...1_000_000), "Only runs that cost at most this."),
                    .limit(), .cursor,
                ], readOnly: true, access: .role(.viewer), returns: .array(.runSummary)
            ) { call in
                let parameters = call.parameters
                let page = try call.page()
                var search = RunSearch()
                search.text = parameters.string("query")
                if let agent: AgentID = parameters.optionalID("agent_id") {
                    search.agentKey = try await services.agents.agent(agent, workspace: call.workspaceKey).key
                }
                search.tag = parameters.string("tag")
                search.status = parameters.string("status").flatMap(RunStatus.init)
                search.since = try parameters.time("since")
                search.until = try parameters.time("until")
                search.minimumCost = parameters.double("min_cost_usd").map(Money.init(usd:))
                search.maximumCost = parameters.double("max_cost_usd").map(Money.init(usd:))
                let runs = try await services.runSearch.find(workspace: call.workspaceKey, search, page)
                return .page(runs) { .object(RunView.summary($0)) }
            }
        ]
    }
}
