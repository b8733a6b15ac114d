import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Foundation
import Testing

/// Takes connections and says nothing.
private struct SilentPort {
    let port: Int
    private let listener: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) | listen(listener, 1024) | getsockname(listener, $0, &size)
            }
        }
        guard status == 0 else { throw CocoaError(.fileWriteUnknown) }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func close() { _ = Foundation.close(listener) }
}

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

    @Test("a receiver that does not answer takes no place of another's, however much waits for it")
    func silent() async throws {
        let ends = 300
        let silent = try SilentPort()
        defer { silent.close() }
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "") }
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let key = try await runtime.store.key()
                for url in ["http://127.0.0.1:\(silent.port)/", fake.anthropicBaseURL + "/hook"] {
                    _ = try await runtime.call(
                        "webhooks_create", key: key, ["url": .string(url), "events": ["run.completed"]])
                }
                for _ in 0..<ends {
                    let run = try await runtime.store.run()
                    try await runtime.store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
                }
                try await eventually("the other has all") {
                    runtime.store.clock.advance(bySeconds: 0.1)
                    runtime.store.queue.wake()
                    return fake.visits.count >= ends
                }
                let tried = try await runtime.store.database.read {
                    try $0.int("SELECT COUNT(*) FROM deliveries WHERE attempts > 0")
                }
                // None to the silent one has ended yet.
                #expect(tried ?? 0 <= ends)
            }
        }
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
                try await store.stores.pendingDelivery(keys[index])?.delivery.isBehind
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
            let first = try #require(try await store.stores.pendingDelivery(keys[0])?.delivery)
            try await store.deliveries.record(
                .init(isDelivered: false, status: 500, latencyMilliseconds: 1), of: first, retryIn: 10)
            #expect(try await isBehind(1) == false)
        }
    }
}
