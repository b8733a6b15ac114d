import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Operations on runs")
struct RunOperationsTests {
    @Test("runs_invoke with the same key and parameters is the same run; with others it is a conflict")
    func repeated() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let made = try await runtime.call(
                "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])
            let call: JSONObject = [
                "agent_id": try #require(made["id"]), "input": ["message": "Hello"], "idempotency_key": "order-1",
            ]
            let one = try await runtime.call("runs_invoke", key: key, call)
            let two = try await runtime.call("runs_invoke", key: key, call)
            #expect(one["run_id"] != nil && one["run_id"] == two["run_id"] && one["output"] == two["output"])
            #expect(try await runtime.store.count("runs") == 1)
            var other = call
            other["input"] = ["message": "Bye"]
            #expect(try await refusal { try await runtime.call("runs_invoke", key: key, other) }?.code == .conflict)
            other["idempotency_key"] = "with blank"
            let wrong = try await refusal { try await runtime.call("runs_invoke", key: key, other) }
            #expect(wrong?.code == .validation && wrong?.details.first?.path == "idempotency_key")
        }
    }

    @Test("a question without choices has an empty list of them in runs_get, and none in the invoke's answer")
    func choices() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("ask_human", ["question": "Go on?"])))
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                let agent = try await runtime.store.agent("Asks", runtime: .hosted) {
                    $0.providerType = .anthropic
                    $0.model = "test-model"
                    $0.tools = ["ask_human"]
                }
                let paused = try await runtime.call("runs_invoke", key: key, ["agent_id": .string("\(agent.id)")])
                let asked = try #require(paused["awaiting_input"])
                #expect(asked["question"] == "Go on?" && asked["options"] == nil)
                let run = try await runtime.call("runs_get", key: key, ["run_id": try #require(paused["run_id"])])
                #expect(run["awaiting_input"]?["question"] == "Go on?")
                #expect(run["awaiting_input"]?["options"] == .array([]))
            }
        }
    }
}
