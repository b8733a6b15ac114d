import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Alerts over windows")
struct AlertWindowTests {
    /// A rule on failures, and what is asked of it again and again.
    private struct Scene {
        let runtime: TestRuntime
        let key: String
        let id: JSONValue
        var store: TestStore { runtime.store }

        init(_ runtime: TestRuntime, _ config: JSONObject) async throws {
            self.runtime = runtime
            key = try await runtime.store.key()
            let made = try await runtime.call(
                "alerts_create", key: key,
                [
                    "name": "Failures", "condition_type": "error_rate_exceeded", "condition_config": .object(config),
                    "channels": ["email"], "notification_config": ["email": "a@example.org"],
                ])
            id = try #require(made["id"])
        }

        func end(_ agent: Agent, failed: Bool) async throws {
            let run = try await store.run(of: agent)
            try await store.runs.end(
                run, failed ? .failed(message: "no", detail: nil) : .completed(output: nil, usage: GivenUsage()))
        }

        var fired: Int {
            get async throws {
                try await runtime.call("notifications_list", key: key).arrayValue?.count {
                    $0["type"] == "alert_triggered"
                } ?? 0
            }
        }

        /// Waits until the rule was looked at, and until it waits for its time or for nothing.
        func waitUntilLooked(andWaits: Bool) async throws {
            let wanted: [JSONValue?] = andWaits ? ["scheduled"] : []
            try await eventually("the rule is looked at") {
                let jobs = try await runtime.call(
                    "jobs_list", key: key, ["kind": .string(AlertStore.evaluateJob)])
                return jobs.arrayValue?.map { $0["state"] } == wanted
            }
        }

        func look() async throws {
            let rule = try await store.database.read { try $0.int("SELECT key FROM alert_rules") }
            _ = try await store.alerts.evaluate(rule: try #require(rule))
        }
    }

    @Test("a rule fires again after its window has slid past what it fired for, without another run in between")
    func slides() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, ["threshold_pct": 50, "window_minutes": 30])
            let agent = try await scene.store.agent()
            try await scene.end(agent, failed: true)
            try await scene.waitUntilLooked(andWaits: true)
            #expect(try await scene.fired == 1)
            scene.store.clock.advance(bySeconds: 31 * 60)
            scene.store.queue.wake()
            try await scene.waitUntilLooked(andWaits: false)
            try await scene.end(agent, failed: true)
            try await eventually("the second alarm") { try await scene.fired == 2 }
        }
    }

    @Test("what comes true in the quiet time is told when that is over")
    func quiet() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, ["threshold_pct": 50, "window_runs": 1])
            let agent = try await scene.store.agent()
            for failed in [true, false] {
                try await scene.end(agent, failed: failed)
                try await scene.waitUntilLooked(andWaits: false)
                #expect(try await scene.fired == 1)
                scene.store.clock.advance(bySeconds: 60)
            }
            try await scene.end(agent, failed: true)
            try await scene.waitUntilLooked(andWaits: true)
            #expect(try await scene.fired == 1)
            scene.store.clock.advance(bySeconds: 900)
            scene.store.queue.wake()
            try await eventually("the second alarm") { try await scene.fired == 2 }
        }
    }

    @Test("the last runs of a rule of the whole workspace are those of all agents together")
    func lastRuns() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, ["threshold_pct": 40, "window_runs": 2])
            _ = try await runtime.call("alerts_update", key: scene.key, ["alert_id": scene.id, "active": false])
            let (first, second) = (try await scene.store.agent("first"), try await scene.store.agent("second"))
            for (agent, failed) in [(first, true), (first, true), (second, false), (second, false)] {
                try await scene.end(agent, failed: failed)
                scene.store.clock.advance(bySeconds: 1)
            }
            _ = try await runtime.call("alerts_update", key: scene.key, ["alert_id": scene.id, "active": true])
            try await scene.waitUntilLooked(andWaits: false)
            #expect(try await scene.fired == 0)
            try await scene.end(first, failed: true)
            try await eventually("one of the last two failed") { try await scene.fired == 1 }
        }
    }

    @Test(
        "cancelled runs count neither way",
        arguments: [["threshold_pct": 60], ["threshold_pct": 60, "window_runs": 2]] as [JSONObject])
    func cancelled(config: JSONObject) async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, config)
            let agent = try await scene.store.agent()
            for _ in 0..<2 {
                try await scene.store.runs.end(try await scene.store.run(of: agent), .cancelled(reason: "no"))
            }
            try await scene.look()
            #expect(try await scene.fired == 0)
            try await scene.end(agent, failed: true)
            try await eventually("all that were judged failed") { try await scene.fired == 1 }
        }
    }

    @Test("a new name leaves a rule as it is, another condition lets it begin anew")
    func renamed() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, ["threshold_pct": 50, "window_minutes": 60])
            try await scene.end(try await scene.store.agent(), failed: true)
            try await scene.waitUntilLooked(andWaits: true)
            scene.store.clock.advance(bySeconds: 16 * 60)
            _ = try await runtime.call("alerts_update", key: scene.key, ["alert_id": scene.id, "name": "Other"])
            try await scene.look()
            #expect(try await scene.fired == 1)
            _ = try await runtime.call(
                "alerts_update", key: scene.key,
                ["alert_id": scene.id, "condition_config": ["threshold_pct": 60, "window_minutes": 60]])
            try await eventually("the alarm of the new condition") { try await scene.fired == 2 }
        }
    }

    @Test("silence is told again when a run broke it, though nobody looked while it was broken")
    func silence() async throws {
        try await withStore { store in
            _ = try await store.alerts.create(
                workspace: store.workspace.ref.key, agent: nil, name: "Silence", type: "no_runs",
                config: ["window_minutes": 5], channels: ["email"], notification: ["email": "a@example.org"])
            let rule = try #require(try await store.database.read { try $0.int("SELECT key FROM alert_rules") })
            func fired(afterMinutes minutes: Double) async throws -> Int {
                store.clock.advance(bySeconds: minutes * 60)
                _ = try await store.alerts.evaluate(rule: rule)
                return try await store.count("notifications WHERE type = 'alert_triggered'")
            }
            #expect(try await fired(afterMinutes: 6) == 1)
            #expect(try await fired(afterMinutes: 20) == 1)
            let run = try await store.run()
            try await store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
            // The server was away while the run was recent.
            #expect(try await fired(afterMinutes: 60) == 2)
            #expect(try await fired(afterMinutes: 60) == 2)
        }
    }

    @Test("two updates at once both count")
    func together() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime, ["threshold_pct": 50])
            let (key, id) = (scene.key, scene.id)
            for round in 1...20 {
                async let name = runtime.call(
                    "alerts_update", key: key, ["alert_id": id, "name": .string("Rule \(round)")])
                async let config = runtime.call(
                    "alerts_update", key: key, ["alert_id": id, "condition_config": ["threshold_pct": .int(round)]])
                _ = try await (name, config)
                let rule = try await runtime.call("alerts_list", key: key).arrayValue?.first
                #expect(rule?["name"] == .string("Rule \(round)"))
                #expect(rule?["condition_config"]?["threshold_pct"] == .int(round))
            }
        }
    }
}
