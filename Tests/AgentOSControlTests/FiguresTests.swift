import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Figures of agents")
struct FiguresTests {
    @Test("cancelled runs count, but in no rate, and the worst agent comes first")
    func rates() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            func agent(_ name: String, _ endings: [RunEnding]) async throws {
                let agent = try await store.agent(name)
                for ending in endings { try await store.runs.end(try await store.run(of: agent), ending) }
            }
            let done = RunEnding.completed(output: nil, usage: GivenUsage())
            let broken = RunEnding.failed(message: "no", detail: nil)
            let off = RunEnding.cancelled(reason: nil)
            try await agent("good", [done])
            try await agent("half", [done, broken, off, off])
            try await agent("off", [off])
            let fleet = try await runtime.call("fleet_health", key: try await store.key()).arrayValue ?? []
            #expect(fleet.compactMap { $0["agent_name"]?.stringValue } == ["half", "good", "off"])
            #expect(fleet.compactMap { $0["failure_rate"]?.doubleValue } == [0.5, 0, 0])
            #expect(fleet.compactMap { $0["health_score"]?.doubleValue } == [50, 100, 100])
            #expect(fleet.first?["run_count"] == 4)
        }
    }
}
