import AgentOSCore
import AgentOSStore

extension Operation {
    static func budgets(_ services: ControlServices) -> [Operation] {
        let agentID = Parameter.optional("agent_id", .uuid, "The agent; left out: the whole workspace.")
        return [
            Operation(
                "budgets_set", "Sets what hosted runs may cost a day (UTC), for an agent or the whole workspace.",
                [
                    agentID,
                    .optional("daily_usd", .number(0...1_000_000_000), "US dollars a day; null removes the budget."),
                ], access: .role(.admin), returns: .open(budgetMembers)
            ) { call in
                let agent = try await budgetAgent(call, services)
                try await services.budgets.set(
                    workspace: call.workspaceKey, agent: agent?.key,
                    daily: call.parameters.double("daily_usd").map(Money.init(usd:)))
                var out = view(try await services.budgets.get(workspace: call.workspaceKey, agent: agent))
                out["ok"] = true
                return OperationResult(.object(out))
            },
            Operation(
                "budgets_get", "Shows a daily budget and what today has cost so far, also when no budget is set.",
                [agentID], readOnly: true, access: .role(.viewer), returns: .object(budgetMembers)
            ) { call in
                let agent = try await budgetAgent(call, services)
                return OperationResult(
                    .object(view(try await services.budgets.get(workspace: call.workspaceKey, agent: agent))))
            },
            Operation(
                "budgets_list", "Lists the daily budgets, the workspace's own first.",
                [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
                returns: .array(.object(budgetMembers))
            ) { call in
                let found = try await services.budgets.list(workspace: call.workspaceKey, call.page(1000))
                return .page(found) { .object(view($0)) }
            },
        ]
    }

    private static let budgetMembers: [(String, ResultType)] = [
        ("agent_id", .nullable(.uuid)), ("daily_usd", .nullable(.number)), ("spent_today_usd", .number),
        ("reserved_usd", .number), ("created_at", .nullable(.time)), ("updated_at", .nullable(.time)),
    ]

    private static func budgetAgent(_ call: OperationCall, _ services: ControlServices) async throws -> Agent? {
        guard let id: AgentID = call.parameters.optionalID("agent_id") else { return nil }
        return try await services.agents.agent(id, workspace: call.workspaceKey)
    }

    private static func view(_ budget: BudgetRecord) -> JSONObject {
        [
            "agent_id": .optional(budget.agentID?.description),
            "daily_usd": budget.daily.map { .double($0.usd) } ?? .null,
            "spent_today_usd": .double(budget.spentToday.usd), "reserved_usd": .double(budget.reserved.usd),
            "created_at": .time(budget.createdAt), "updated_at": .time(budget.updatedAt),
        ]
    }
}
