import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("The tool http_request")
struct HTTPRequestToolTests {
    @Test("every call has an idempotency key of its own unless the model gave one")
    func idempotencyKey() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "ok") }
            let url = JSONValue.string(fake.anthropicBaseURL + "/page")
            fake.play(
                .tools(
                    ("http_request", ["method": "POST", "url": url]), ("http_request", ["method": "POST", "url": url]),
                    ("http_request", ["method": "POST", "url": url, "headers": ["IDEMPOTENCY-key": "mine"]])),
                .text("Done."))
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent(tools: ["http_request"]))
                _ = await live.result()
                let keys = fake.visits.compactMap { $0.headers["idempotency-key"] }
                #expect(Set(keys).count == 3 && keys.contains("mine"))
                #expect(keys.filter { UUIDBits($0) != nil }.count == 2)
            }
        }
    }
}
