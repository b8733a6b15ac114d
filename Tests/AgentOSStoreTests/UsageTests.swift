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

    @Test("no report makes the figures overflow")
    func huge() async throws {
        try await withStore { store in
            let place = store.workspace.ref.key
            for name in ["a", "b"] {
                let agent = try await store.agent(name)
                for _ in 0..<5 {
                    let run = try await store.run(of: agent)
                    var batch = EventBatch()
                    let event = #"{"type":"llm.request","payload":{"model":"claude-3-opus","prompt":"x"}}"#
                    batch.append(event: Array(event.utf8), occurredAt: store.clock.now)
                    _ = try await store.log.append(batch, toRun: run.key)
                    let most = GivenUsage(input: .max, output: .max, cacheRead: .max, cacheCreation: .max)
                    try await store.runs.end(run, .completed(output: nil, usage: most))
                    #expect(try await store.runs.detail(run.id, workspace: place).summary.tokens.input == .max)
                }
                store.clock.advance(bySeconds: 86_400)
            }
            for only in [nil, try await store.agent("c").key] {
                _ = try await store.figures.usage(workspace: place, days: 7, only: only)
            }
            let usage = try await store.figures.usage(workspace: place, days: 7)
            #expect(usage.total.runs == 10 && usage.total.inputTokens == 10_000_000_000_000_000)
            #expect(try await store.figures.agents(workspace: place, days: 7).count == 3)
            try await store.committer.write { try RollupKeeper.rebuild($0) }
            let again = try await store.figures.usage(workspace: place, days: 7)
            #expect(again.total.inputTokens == usage.total.inputTokens)
        }
    }

    @Test("counts given at the end cost what they say, cached tokens too", arguments: ["span", "response"])
    func cachedTokens(kind: String) async throws {
        try await withStore { store in
            func cost(_ cached: Int?) async throws -> Double? {
                let run = try await store.run()
                let counts = #""model":"claude-3-opus","input_tokens":1000,"output_tokens":100"#
                let event =
                    kind == "span"
                    ? span("call", id: RunID.new(at: store.clock.now).description, kind: "llm", payload: "{\(counts)}")
                    : point("llm.response", payload: "{\(counts)}")
                _ = try await store.log.append(try EventBatch.sent([event]), toRun: run.key)
                let usage = GivenUsage(input: 1000, output: 100, cacheRead: cached, cacheCreation: cached)
                try await store.runs.end(run, .completed(output: nil, usage: usage))
                return try await store.runs.detail(run.id, workspace: store.workspace.ref.key).summary.cost?.usd
            }
            let (without, with) = (try await cost(nil), try await cost(1_000_000))
            #expect(without == 0.0225 && with == 20.2725)
        }
    }

    /// Calls of a known price: 1,000 tokens in, 500 out.
    private static let call = #"{"model":"claude-sonnet-4-5","input_tokens":1000,"output_tokens":500}"#

    private func sums(_ store: TestStore) async throws -> [String: DaySums] {
        let usage = try await store.figures.usage(workspace: store.workspace.ref.key, days: 7)
        return Dictionary(uniqueKeysWithValues: usage.models.map { ($0.model, $0.sums) })
    }

    private func rebuilt(_ store: TestStore) async throws -> [String: DaySums] {
        try await store.committer.write { try RollupKeeper.rebuild($0) }
        return try await sums(store)
    }

    @Test("events that come after a run's end count, on the day and for the model they belong to", arguments: [0, 1])
    func lateEvents(daysLater: Int) async throws {
        try await withStore { store in
            let run = try await store.run()
            _ = try await store.runs.end(run, .failed(message: "x", detail: nil))
            let before = try await sums(store)
            #expect(before[""]?.runs == 1)
            store.clock.advance(bySeconds: Double(daysLater) * 86_400)
            let late = [span("call", id: "s1", kind: "llm", payload: Self.call), point("other", at: 1)]
            for _ in 0..<2 { _ = try await store.log.append(.sent(late), toRun: run.key) }
            let found = try await sums(store)
            #expect(found.keys.sorted() == ["claude-sonnet-4-5"])
            let sums = try #require(found["claude-sonnet-4-5"])
            #expect(sums.runs == 1 && sums.failed == 1 && sums.inputTokens == 1000 && sums.outputTokens == 500)
            #expect(sums.cost.nanoUSD == 10_500_000)
            let again = try await rebuilt(store)
            #expect(again["claude-sonnet-4-5"]?.cost == sums.cost)
        }
    }

    @Test("a model call is priced by the name of its span, and counts given at the end by the model the run named")
    func givenCounts() async throws {
        try await withStore { store in
            func cost(_ events: [String], _ given: GivenUsage) async throws -> Int64? {
                let run = try await store.run()
                _ = try await store.log.append(.sent(events), toRun: run.key)
                _ = try await store.runs.end(run, .completed(output: nil, usage: given))
                return try await store.runs.detail(run.id, workspace: run.workspaceKey).summary.cost?.nanoUSD
            }
            let counts = #"{"input_tokens":1000,"output_tokens":500}"#
            let named = span("claude-sonnet-4-5", id: "s1", kind: "llm", payload: counts)
            #expect(try await cost([named], .init()) == 10_500_000)
            #expect(try await cost([named], .init(input: 1000, output: 500)) == 10_500_000)
            #expect(try await cost([named], .init(input: 2000, output: 1000)) == 21_000_000)
            let request = point("llm.request", at: 1, payload: #"{"model":"claude-sonnet-4-5"}"#)
            #expect(try await cost([request], .init(input: 1000)) == 3_000_000)
            #expect(try await cost([point("other", at: 1)], .init(input: 1000)) == nil)
            let all = try await sums(store)
            #expect(all["claude-sonnet-4-5"]?.cost.nanoUSD == 45_000_000)
        }
    }
}
