import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Alerts on budgets")
struct BudgetAlertTests {
    @Test("a rule near the budget fires once, from its share on")
    func near() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            let agent = try await store.agent("spender")
            _ = try await runtime.call("budgets_set", key: key, ["daily_usd": 1])
            let made = try await runtime.call(
                "alerts_create", key: key,
                [
                    "name": "Near", "condition_type": "budget_near", "channels": ["email"],
                    "notification_config": ["email": "a@example.org"],
                ])
            #expect(made["id"] != nil)
            func fired() async throws -> Int {
                try await runtime.call("notifications_list", key: key).arrayValue?.count {
                    $0["type"] == "alert_triggered"
                } ?? 0
            }
            func spend(_ nanoUSD: Int64) async throws {
                let day = BudgetStore.day(of: store.clock.wall.now())
                let rule = try await store.committer.write { connection in
                    try BudgetStore.settle(
                        workspace: agent.workspaceKey, agent: agent.key, day: day, reserved: .zero,
                        spent: Money(nanoUSD: nanoUSD), connection)
                    return try connection.int("SELECT key FROM alert_rules WHERE name = 'Near'", [])
                }
                _ = try await store.alerts.evaluate(rule: try #require(rule))
            }
            try await spend(790_000_000)
            #expect(try await fired() == 0)
            try await spend(10_000_000)
            #expect(try await fired() == 1)
            try await spend(100_000_000)
            #expect(try await fired() == 1)
        }
    }
}
