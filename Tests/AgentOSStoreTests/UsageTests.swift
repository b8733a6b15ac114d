import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Usage over days")
struct UsageTests {
    @Test("figures are up to date at each call: today's, a late end of yesterday's run, a deleted agent, a new day")
    func current() async throws {
        try await withStore { store in
            let place = store.workspace.ref.key
            let (a, b) = (try await store.agent("a"), try await store.agent("b"))
            func end(_ run: RunRef) async throws {
                _ = try await store.runs.end(run, .completed(output: nil, usage: .init()))
            }
            func runs(_ days: Int = 7, only agent: Int64? = nil) async throws -> [Int] {
                let usage = try await store.figures.usage(workspace: place, days: days, only: agent)
                #expect(usage.total.runs == usage.days.reduce(0) { $0 + $1.sums.runs })
                #expect(usage.total.runs == usage.models.reduce(0) { $0 + $1.sums.runs })
                return [usage.total.runs] + usage.agents.sorted { $0.name < $1.name }.map(\.sums.runs)
            }
            try await end(try await store.run(of: a))
            let late = try await store.run(of: b)
            #expect(try await runs() == [1, 1])
            store.clock.advance(bySeconds: 86_400)
            #expect(try await runs() == [1, 1])
            try await end(try await store.run(of: a))
            #expect(try await runs() == [2, 2])
            try await end(late)
            #expect(try await runs() == [3, 2, 1])
            #expect(try await runs(1) == [1, 1])
            #expect(try await runs(7, only: b.key) == [1, 1])
            _ = try await store.agents.delete(b.id, workspace: place)
            #expect(try await runs() == [2, 2])
            store.clock.advance(bySeconds: 7 * 86_400)
            #expect(try await runs() == [0])
        }
    }
}
