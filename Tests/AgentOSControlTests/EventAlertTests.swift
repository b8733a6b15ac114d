import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Alerts on events")
struct EventAlertTests {
    private func send(_ store: TestStore, _ run: RunRef, _ types: String...) async throws {
        var batch = EventBatch()
        for type in types {
            batch.append(
                event: Array(#"{"payload":{"type":"no"},"type":"\#(type)"}"#.utf8), occurredAt: store.clock.now)
        }
        _ = try await store.log.append(batch, toRun: run.key)
    }

    @Test("a rule fires once a run, for its own agent's events of its type, as soon as it is made and until it is gone")
    func fires() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            let (agent, other) = (try await store.agent("watched"), try await store.agent("other"))
            let (run, elsewhere) = (try await store.run(of: agent), try await store.run(of: other))
            func fired() async throws -> Int {
                try await runtime.call("notifications_list", key: key).arrayValue?.count {
                    $0["type"] == "alert_triggered"
                } ?? 0
            }
            try await send(store, run, "guardrail.hit")
            let rule: JSONObject = [
                "name": "Guard", "condition_type": "event_emitted", "agent_id": .string("\(agent.id)"),
                "condition_config": ["event_type": "guardrail.hit"], "channels": ["email"],
                "notification_config": ["email": "a@example.org"],
            ]
            let id = try #require(try await runtime.call("alerts_create", key: key, rule)["id"])
            #expect(try await fired() == 0)
            try await send(store, run, "no", "log")
            try await send(store, elsewhere, "guardrail.hit")
            #expect(try await fired() == 0)
            try await send(store, run, "log", "guardrail.hit", "guardrail.hit")
            try await send(store, run, "guardrail.hit")
            #expect(try await fired() == 1)
            try await send(store, try await store.run(of: agent), "guardrail.hit")
            #expect(try await fired() == 2)
            _ = try await runtime.call("alerts_update", key: key, ["alert_id": id, "active": false])
            try await send(store, try await store.run(of: agent), "guardrail.hit")
            #expect(try await fired() == 2)
            var without = rule
            without["condition_config"] = [:]
            let bad = try await refusal { try await runtime.call("alerts_create", key: key, without) }
            #expect(bad?.details.first?.path == "condition_config.event_type")
        }
    }
}
