import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Receivers that fail")
struct FailingWebhookTests {
    private let days = 86_400.0

    private func hook(_ store: TestStore) async throws -> WebhookID {
        try await store.webhooks.create(
            workspace: store.workspace.ref.key, agent: nil, name: nil, url: "https://1.1.1.1/", events: ["run.started"]
        ).id
    }

    /// Tries the newest delivery.
    private func attempt(_ store: TestStore, delivered: Bool = false, isLast: Bool) async throws {
        let found = try await store.database.read { try $0.int("SELECT MAX(key) FROM deliveries") }
        let key = try #require(found)
        let delivery = try #require(try await store.stores.pendingDelivery(key)?.delivery)
        let error = delivered ? nil : "The receiver answered 500."
        try await store.deliveries.record(
            .init(isDelivered: delivered, status: delivered ? 204 : 500, error: error, latencyMilliseconds: 1),
            of: delivery, retryIn: isLast ? nil : 10)
    }

    /// Begins a run, which is told, and tries that.
    private func tell(_ store: TestStore, delivered: Bool = false, isLast: Bool = true) async throws {
        _ = try await store.run()
        try await attempt(store, delivered: delivered, isLast: isLast)
    }

    private func isEnabled(_ hook: WebhookID, _ store: TestStore) async throws -> Bool {
        try await store.webhooks.webhook(hook, workspace: store.workspace.ref.key).isEnabled
    }

    @Test("only what used up its tries counts against a receiver, and only with three days between")
    func patience() async throws {
        try await withStore { store in
            let hook = try await hook(store)
            try await tell(store)
            store.clock.advance(bySeconds: 2 * days)
            try await tell(store)
            #expect(try await isEnabled(hook, store))
            store.clock.advance(bySeconds: 2 * days)
            try await tell(store, isLast: false)
            #expect(try await isEnabled(hook, store))
            try await attempt(store, isLast: true)
            #expect(try await isEnabled(hook, store) == false)
            #expect(try await store.count("notifications WHERE title = 'A webhook was disabled'") == 1)
        }
    }

    @Test("a failure that is retried is none, however old it is")
    func transient() async throws {
        try await withStore { store in
            let hook = try await hook(store)
            try await tell(store, isLast: false)
            store.clock.advance(bySeconds: 4 * days)
            try await tell(store)
            #expect(try await isEnabled(hook, store))
        }
    }

    @Test("a delivery that arrives, and another URL, let a receiver begin anew")
    func anew() async throws {
        try await withStore { store in
            let hook = try await hook(store)
            try await tell(store)
            try await tell(store, delivered: true)
            store.clock.advance(bySeconds: 4 * days)
            try await tell(store)
            let known = try await store.webhooks.webhook(hook, workspace: store.workspace.ref.key)
            try await store.webhooks.update(known, name: nil, url: "https://1.0.0.1/", events: nil, enabled: nil)
            store.clock.advance(bySeconds: 4 * days)
            try await tell(store)
            #expect(try await isEnabled(hook, store))
            try await store.webhooks.update(known, name: nil, url: "https://1.0.0.1/", events: nil, enabled: nil)
            store.clock.advance(bySeconds: 4 * days)
            try await tell(store)
            #expect(try await isEnabled(hook, store) == false)
        }
    }

    @Test("setting an agent's URL again enables it, and a label can be taken away")
    func settings() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let agent = try await runtime.call(
                "agents_create", key: key,
                [
                    "name": "Told", "system_prompt": "x", "provider_type": "demo",
                    "webhook_url": "https://1.1.1.1/agent",
                ])
            func hook() async throws -> JSONValue {
                try #require(try await runtime.call("webhooks_list", key: key).arrayValue?.first)
            }
            let id = try #require(try await hook()["id"])
            _ = try await runtime.call(
                "webhooks_update", key: key, ["webhook_id": id, "name": "Mine", "enabled": false])
            #expect(try await hook()["name"] == "Mine")
            _ = try await runtime.call(
                "agents_update", key: key,
                ["agent_id": try #require(agent["id"]), "webhook_url": "https://1.1.1.1/agent"])
            #expect(try await hook()["enabled"] == true)
            #expect(try await hook()["id"] == id)
            _ = try await runtime.call("webhooks_update", key: key, ["webhook_id": id, "events": ["run.failed"]])
            #expect(try await hook()["name"] == "Mine")
            _ = try await runtime.call("webhooks_update", key: key, ["webhook_id": id, "name": .null])
            #expect(try await hook()["name"] == JSONValue.null)
        }
    }

    @Test("a delivery that waits for its next try is seen so, with what became of the last")
    func retrying() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(status: 500, body: "") }
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let key = try await runtime.store.key()
                _ = try await runtime.call(
                    "webhooks_create", key: key,
                    ["url": .string(fake.anthropicBaseURL + "/hook"), "events": ["run.started"]])
                _ = try await runtime.store.run()
                func job() async throws -> JSONValue? {
                    try await runtime.call(
                        "jobs_list", key: key, ["kind": .string(DeliveryStore.deliverJob)]
                    ).arrayValue?.first
                }
                try await eventually("the next try is waited for") { try await job()?["state"] == "retrying" }
                #expect(try await job()?["attempts"] == 1)
                #expect(try await job()?["last_error"] == "The receiver answered 500.")
                // To be put off is no try.
                let found = try await runtime.store.database.read { try $0.int("SELECT MAX(key) FROM deliveries") }
                let number = try #require(found)
                let delivery = try #require(try await runtime.store.stores.pendingDelivery(number)?.delivery)
                try await runtime.store.deliveries.putOff(delivery, seconds: 5)
                #expect(try await job()?["state"] == "retrying")
                #expect(try await job()?["attempts"] == 1)
            }
        }
    }

    @Test("members are told of an alert's webhook that was given up")
    func alert() async throws {
        try await withStore { store in
            _ = try await store.alerts.create(
                workspace: store.workspace.ref.key, agent: nil, name: "Broken", type: "run_failed", config: [:],
                channels: ["webhook"], notification: ["webhook_url": "https://1.1.1.1/"])
            let run = try await store.run()
            try await store.runs.end(run, .failed(message: "no", detail: nil))
            try await attempt(store, isLast: false)
            #expect(try await store.count("notifications WHERE type = 'system'") == 0)
            try await attempt(store, isLast: true)
            #expect(
                try await store.count(
                    "notifications WHERE type = 'system' AND title LIKE '%: Broken' AND body LIKE 'After 2 tries: %'")
                    == 1)
        }
    }

    @Test("an alert goes out over plain http only to what the operator allowed", arguments: ["", "1.1.1.0/24"])
    func plain(ranges: String) async throws {
        try await withRuntime(allowing: ranges) { runtime in
            let key = try await runtime.store.key()
            func refused(_ url: String) async throws -> String? {
                try await refusal {
                    try await runtime.call(
                        "alerts_create", key: key,
                        [
                            "name": "A", "condition_type": "run_failed", "channels": ["webhook"],
                            "notification_config": ["webhook_url": .string(url)],
                        ])
                }?.details.first?.path
            }
            #expect(try await refused("https://1.1.1.1/") == nil)
            #expect(try await refused("http://1.1.1.1/") == (ranges.isEmpty ? "notification_config.webhook_url" : nil))
        }
    }

    @Test("what belonged to a deleted agent counts against no limit")
    func limits() async throws {
        try await withStore { store in
            let place = store.workspace.ref.key
            let agent = try await store.agent()
            for _ in 0..<WebhookStore.bound {
                _ = try await store.webhooks.create(
                    workspace: place, agent: agent.key, name: nil, url: "https://1.1.1.1/", events: ["run.failed"])
            }
            func alert(_ agent: Int64?) async throws {
                _ = try await store.alerts.create(
                    workspace: place, agent: agent, name: "A", type: "run_failed", config: [:], channels: ["email"],
                    notification: ["email": "a@example.org"])
            }
            for _ in 0..<AlertStore.bound { try await alert(agent.key) }
            #expect(try await refusal { try await alert(nil) }?.code == .conflict)
            #expect(try await refusal { try await hook(store) }?.code == .conflict)
            _ = try await store.agents.delete(agent.id, workspace: place)
            try await alert(nil)
            _ = try await hook(store)
        }
    }
}
