import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

extension TestStore {
    fileprivate var money: BudgetStore {
        BudgetStore(database: database, committer: stores.committer, clock: clock.wall)
    }

    fileprivate func reserve(_ agent: Agent, _ usd: Double, day: Int64? = nil) async throws -> Double {
        let day = day ?? BudgetStore.day(of: clock.now)
        return try await stores.committer.write { connection in
            try BudgetStore.reserve(
                workspace: agent.workspaceKey, agent: agent.key, day: day, estimate: Money(usd: usd), connection)
        }.usd
    }

    fileprivate func settle(_ agent: Agent, reserved: Double, spent: Double) async throws {
        let day = BudgetStore.day(of: clock.now)
        try await stores.committer.write { connection in
            try BudgetStore.settle(
                workspace: agent.workspaceKey, agent: agent.key, day: day, reserved: Money(usd: reserved),
                spent: Money(usd: spent), connection)
        }
    }
}

@Suite("Budgets")
struct BudgetStoreTests {
    @Test(
        "days are those of UTC, before 1970 too",
        arguments: [(0, 0), (86_399, 0), (86_400, 1), (-1, -1), (-86_400, -1)])
    func days(seconds: Int64, day: Int64) {
        #expect(BudgetStore.day(of: Timestamp(microseconds: seconds * 1_000_000)) == day)
    }

    @Test("without a budget nothing is reserved and nothing is written, but what is spent is counted")
    func none() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            #expect(try await store.reserve(agent, 5) == 0)
            try await store.settle(agent, reserved: 0, spent: 0)
            #expect(try await store.count("spend_days") == 0)
            try await store.settle(agent, reserved: 0, spent: 0.25)
            for record in [
                try await store.money.get(workspace: agent.workspaceKey, agent: agent),
                try await store.money.get(workspace: agent.workspaceKey),
            ] {
                #expect(record.daily == nil && record.createdAt == nil)
                #expect(record.spentToday.usd == 0.25 && record.reserved == .zero)
            }
        }
    }

    @Test("reservations count until they are settled, the last one gets the rest, then calls are refused")
    func reserves() async throws {
        try await withStore { store in
            let (agent, other) = (try await store.agent("one"), try await store.agent("two"))
            try await store.money.set(workspace: agent.workspaceKey, agent: agent.key, daily: Money(usd: 1))
            #expect(try await store.reserve(agent, 0.7) == 0.7)
            #expect(try await store.reserve(agent, 0.7) == 0.3)
            let refused = try await refusal { try await store.reserve(agent, 0.1) }
            #expect(refused?.code == .paymentRequired)
            let message = refused?.message ?? ""
            #expect(message.contains("budget of the agent") && message.contains("1.00 USD"))
            #expect(try await store.reserve(other, 0.7) == 0)
            try await store.settle(agent, reserved: 0.7, spent: 0.2)
            try await store.settle(agent, reserved: 0.3, spent: 0.3)
            let record = try await store.money.get(workspace: agent.workspaceKey, agent: agent)
            #expect(record.spentToday.usd == 0.5 && record.reserved == .zero)
            #expect(try await store.reserve(agent, 9) == 0.5)
            store.clock.advance(bySeconds: 86_400)
            #expect(try await store.reserve(agent, 0.4) == 0.4)
        }
    }

    @Test("the workspace's budget holds for all agents together")
    func workspace() async throws {
        try await withStore { store in
            let (one, two) = (try await store.agent("one"), try await store.agent("two"))
            try await store.money.set(workspace: one.workspaceKey, agent: nil, daily: Money(usd: 1))
            try await store.money.set(workspace: one.workspaceKey, agent: two.key, daily: Money(usd: 5))
            #expect(try await store.reserve(one, 0.6) == 0.6)
            #expect(try await store.reserve(two, 0.6) == 0.4)
            let refused = try await refusal { try await store.reserve(two, 0.6) }
            #expect(refused?.message.contains("budget of the workspace") == true)
            try await store.settle(one, reserved: 0.6, spent: 2)
            #expect(try await refusal { try await store.reserve(one, 0.1) }?.code == .paymentRequired)
            let list = try await store.money.list(workspace: one.workspaceKey, .init(limit: 100)).items
            #expect(list.map(\.agentID) == [nil, two.id])
            #expect(list.map(\.spentToday.usd) == [2, 0] && list.map(\.reserved.usd) == [0.4, 0.4])
        }
    }

    @Test("many calls at once reserve no more than there is")
    func race() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            try await store.money.set(workspace: agent.workspaceKey, agent: agent.key, daily: Money(usd: 1))
            let sum = try await withThrowingTaskGroup(of: Double?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        do {
                            return try await store.reserve(agent, 0.03)
                        } catch let error as AgentOSError where error.code == .paymentRequired {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ?? 0 }
            }
            #expect(Money(usd: sum) == Money(usd: 1))
        }
    }

    @Test("a budget is changed in place and removed, and zero refuses everything")
    func sets() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            try await store.money.set(workspace: agent.workspaceKey, agent: agent.key, daily: Money(usd: 3))
            let made = try await store.money.get(workspace: agent.workspaceKey, agent: agent)
            store.clock.advance(bySeconds: 5)
            try await store.money.set(workspace: agent.workspaceKey, agent: agent.key, daily: .zero)
            let changed = try await store.money.get(workspace: agent.workspaceKey, agent: agent)
            #expect(changed.createdAt == made.createdAt && changed.updatedAt == store.clock.now)
            #expect(try await refusal { try await store.reserve(agent, 0) }?.code == .paymentRequired)
            try await store.money.set(workspace: agent.workspaceKey, agent: agent.key, daily: nil)
            #expect(try await store.money.list(workspace: agent.workspaceKey, .init(limit: 100)).items.isEmpty)
            #expect(try await store.reserve(agent, 1) == 0)
        }
    }

    @Test("sums beyond all money stay numbers")
    func extremes() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            for _ in 0..<4 { try await store.settle(agent, reserved: 0, spent: .infinity) }
            let record = try await store.money.get(workspace: agent.workspaceKey, agent: agent)
            #expect(record.spentToday.usd > 1e9)
        }
    }
}
