import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite("Invoking hosted agents")
struct InvokeTests {
    @Test(
        "a run completes with its output, its events, its span tree and its journal",
        arguments: [ProviderType.anthropic, .openai])
    func completes(provider: ProviderType) async throws {
        try await withFakeProvider { fake in
            fake.play(.text("All good.").usage(TokenUsage(input: 30, output: 4)))
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent(provider)
                let live = try await runtime.say("How is it?", to: agent)
                #expect(await live.result().output == ["text": "All good."])
                let events = try await runtime.events(live)
                #expect(
                    events.types == [
                        "run.started", "llm.request", "llm.response", "test-model", "run.completed", "Tester",
                    ])
                let root = try #require(events.last)
                #expect(root["kind"] == "agent" && root["parent_span_id"] == nil)
                #expect(events[3]["parent_span_id"] == root["span_id"])
                let run = try await runtime.detail(live)
                #expect(run.summary.status == .completed)
                #expect(run.summary.tokens == GivenUsage(input: 30, output: 4, cacheRead: 0, cacheCreation: 0))
                let journal = try await runtime.store.hosted.journal(of: live.ref)
                #expect(journal.map(\.kind) == ["started", "model_called", "model_replied", "ended"])
                #expect(try RunMachine(journal: journal).next == .nothing)
            }
        }
    }

    @Test("tool calls of one reply run together and their results go back in the order of the calls")
    func toolsInOrder() async throws {
        try await withFakeProvider { fake in
            let slow = FakeGate()
            fake.serve { visit in
                visit.target == "/slow" ? .raw(body: "slow one").waiting(for: slow, after: 0) : .raw(body: "quick one")
            }
            let base = fake.anthropicBaseURL
            fake.play(
                .tools(
                    ("http_request", ["method": "GET", "url": .string(base + "/slow")]),
                    ("http_request", ["method": "GET", "url": .string(base + "/quick")])), .text("Done."))
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let agent = try await runtime.agent(tools: ["http_request"])
                let live = try await runtime.say("go", to: agent)
                // The quick call is on record while the slow one still waits.
                try await eventually("the quick result") {
                    try await runtime.events(live).types.contains("tool.returned")
                }
                slow.open()
                #expect(await live.result().output == ["text": "Done."])
                let results = fake.requests[1].toolResults
                #expect(results.count == 2 && results[0].contains("slow one") && results[1].contains("quick one"))
                #expect(fake.visits.count == 2)
            }
        }
    }

    @Test("a call of a tool that the agent does not have is a failed tool and nothing is called")
    func unknownTool() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("http_request", ["method": "GET", "url": "http://127.0.0.1:1/"])), .text("Sorry."))
            try await withRuntime(fake: fake) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent(tools: ["read_url"]))
                #expect(await live.result().output == ["text": "Sorry."])
                #expect(try await runtime.events(live).types.contains("tool.failed"))
            }
        }
    }

    @Test("the loop ends with a failure after max_iterations model calls")
    func iterations() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("current_time", [:])), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent(tools: ["current_time"]) { $0.maxIterations = 3 }
                let error = await (try runtime.say("go", to: agent)).result().error
                #expect(error?.code == .internal && error?.runID != nil)
                #expect(fake.requests.count == 3)
            }
        }
    }

    @Test("a failing provider fails the run with PROVIDER_ERROR and no key in any text")
    func providerFault() async throws {
        try await withFakeProvider { fake in
            fake.play(.error(400, "your key sk-ant-test is odd"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent())
                let error = await live.result().error
                #expect(error?.code == .provider)
                let run = try await runtime.detail(live)
                let texts =
                    try await runtime.events(live).map(\.text) + [run.summary.errorMessage ?? "", error?.message ?? ""]
                #expect(run.summary.status == .failed)
                #expect(!texts.contains { $0.contains("sk-ant-test") })
            }
        }
    }

    @Test("values of prompt variables reach the model and no event")
    func variables() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("ok"))
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent { $0.systemPrompt = "Token {{TOKEN}} for {{WHO}}" }
                let live = try await runtime.say("go", to: agent) { $0.promptVariables = ["TOKEN": "s3cret-4711"] }
                _ = await live.result()
                #expect(fake.requests[0].system == "Token s3cret-4711 for {{WHO}}")
                #expect(!(try await runtime.events(live)).contains { $0.text.contains("s3cret-4711") })
            }
        }
    }

    @Test("a test run stubs what writes, performs what reads, and is marked")
    func testRun() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "read for real") }
            let base = fake.anthropicBaseURL
            fake.play(
                .tools(
                    ("http_request", ["method": "POST", "url": .string(base + "/write")]),
                    ("http_request", ["method": "GET", "url": .string(base + "/read")])), .text("Tested."))
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent(tools: ["http_request"])) {
                    $0.test = true
                }
                #expect(await live.result().output == ["text": "Tested."])
                #expect(fake.visits.map(\.target) == ["/read"])
                #expect(fake.requests[1].toolResults[0].contains("stubbed"))
                #expect(try await runtime.detail(live).summary.isTest)
            }
        }
    }

    @Test(
        "an agent that is paused, archived or runs elsewhere is refused before a run exists",
        arguments: [AgentStatus.paused, .archived])
    func refused(status: AgentStatus) async throws {
        try await withRuntime { runtime in
            let resting = try await runtime.agent(.demo) { $0.status = status }
            let elsewhere = try await runtime.store.agent("outside")
            for agent in [resting, elsewhere] {
                #expect(
                    try await refusal { try await runtime.runtime.invoke(agent, InvokeRequest()) }?.code == .validation)
            }
            #expect(try await runtime.store.count("runs") == 0)
        }
    }

    @Test("without a key for the provider an invoke is refused, and the demo still answers")
    func noKey() async throws {
        try await withRuntime { runtime in
            let agent = try await runtime.agent(.anthropic)
            #expect(try await refusal { try await runtime.runtime.invoke(agent, InvokeRequest()) }?.code == .validation)
            let demo = try await runtime.agent(.demo) { $0.model = "demo" }
            let output = await (try runtime.say("Hello", to: demo)).result().output
            #expect(output?.text.contains("demo") == true)
        }
    }
}
