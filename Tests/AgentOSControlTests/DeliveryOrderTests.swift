import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Foundation
import Testing

@Suite("The order of deliveries")
struct DeliveryOrderTests {
    /// A run that begins and ends, told to a hook.
    private func run(_ runtime: TestRuntime, told url: String) async throws {
        let key = try await runtime.store.key()
        _ = try await runtime.call(
            "webhooks_create", key: key, ["url": .string(url), "events": ["run.started", "run.completed"]])
        let run = try await runtime.store.run()
        try await runtime.store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
    }

    @Test("a slow receiver hears of a run's end when it has taken its beginning")
    func slow() async throws {
        let seen = Collected<String>()
        try await withFakeProvider { fake in
            fake.serve { visit in
                let event = visit.headers["x-agentos-event"] ?? ""
                seen.add("begin \(event)")
                if event == "run.started" { Thread.sleep(forTimeInterval: 0.3) }
                seen.add("end \(event)")
                return .raw(body: "")
            }
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                try await run(runtime, told: fake.anthropicBaseURL + "/hook")
                try await eventually("both are delivered") { seen.all.count == 4 }
            }
        }
        #expect(seen.all == ["begin run.started", "end run.started", "begin run.completed", "end run.completed"])
    }

    @Test("an event that failed holds the later ones no longer")
    func failing() async throws {
        let seen = Collected<String>()
        try await withFakeProvider { fake in
            fake.serve { visit in
                let event = visit.headers["x-agentos-event"] ?? ""
                seen.add(event)
                return .raw(status: event == "run.started" ? 500 : 204, body: "")
            }
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                try await run(runtime, told: fake.anthropicBaseURL + "/hook")
                // The first one's second try is due in ten seconds of a clock that stands still.
                try await eventually("the second is delivered") { seen.all.count == 2 }
            }
        }
        #expect(seen.all == ["run.started", "run.completed"])
    }

    @Test("a delivery is behind an untried older one of its run and hook, unless that was given up")
    func behind() async throws {
        try await withStore { store in
            let place = store.workspace.ref.key
            _ = try await store.webhooks.create(
                workspace: place, agent: nil, name: nil, url: "https://1.1.1.1/",
                events: ["run.started", "run.completed"])
            let run = try await store.run()
            try await store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
            _ = try await store.run()
            let keys = try await store.database.read {
                try $0.rows("SELECT key FROM deliveries ORDER BY key") { try $0.requiredInt(0) }
            }
            #expect(keys.count == 3)
            func isBehind(_ index: Int) async throws -> Bool? {
                try await store.deliveries.pending(keys[index])?.isBehind
            }
            func park(_ time: String) async throws {
                try await store.committer.write { connection in
                    _ = try connection.run("UPDATE jobs SET parked_at = \(time) WHERE name = '\(keys[0])'", [])
                }
            }
            #expect(try await isBehind(0) == false)
            #expect(try await isBehind(1) == true)
            #expect(try await isBehind(2) == false)
            try await park("1")
            #expect(try await isBehind(1) == false)
            try await park("NULL")
            #expect(try await isBehind(1) == true)
            let first = try #require(try await store.deliveries.pending(keys[0]))
            try await store.deliveries.record(
                .init(isDelivered: false, status: 500, latencyMilliseconds: 1), of: first, retryIn: 10)
            #expect(try await isBehind(1) == false)
        }
    }
}
