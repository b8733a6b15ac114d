import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

extension FakeStep {
    /// Down, and says so without making anybody wait.
    fileprivate static func down(_ status: Int) -> FakeStep { .error(status, "down", retryAfter: "0") }
}

@Suite("When a model's provider is down")
struct FallbackTests {
    /// With a key for Anthropic and none for OpenAI.
    private func withOneKey(_ fake: FakeProvider, _ body: (TestRuntime) async throws -> Void) async throws {
        try await withRuntime(allowing: "127.0.0.0/8") { runtime in
            try await runtime.store.providers.set(
                runtime.store.workspace.ref, .anthropic, apiKey: "sk-ant-test", baseURL: fake.anthropicBaseURL)
            try await body(runtime)
        }
    }

    private func detail(_ runtime: TestRuntime, _ live: LiveRun) async throws -> JSONValue {
        try JSONParser.parse(try #require(try await runtime.detail(live).errorDetail))
    }

    @Test("a model whose provider has no key is passed over for the next")
    func passedOver() async throws {
        try await withFakeProvider { fake in
            fake.answer { $0.model == "claude-spare" ? .text("from the spare") : .down(529) }
            try await withOneKey(fake) { runtime in
                let agent = try await runtime.agent { $0.fallbackModels = ["gpt-4o-mini", "claude-spare"] }
                let live = try await runtime.say("go", to: agent)
                #expect(await live.result().text == "from the spare")
            }
        }
    }

    @Test(
        "when no model takes over, the run tells of the fault of the one that was asked for",
        arguments: [["gpt-4o-mini"], ["claude-spare"], ["test-model"], []])
    func fault(fallbacks: [String]) async throws {
        try await withFakeProvider { fake in
            fake.answer { $0.model == "claude-spare" ? .down(500) : .down(529) }
            try await withOneKey(fake) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent { $0.fallbackModels = fallbacks })
                let error = await live.result().error
                #expect(error?.code == .provider && error?.message.contains("529") == true)
                #expect(try await detail(runtime, live)["kind"] == "overloaded")
                #expect(fake.requests.count { $0.model == "test-model" } == 3)
            }
        }
    }

    @Test("a run whose provider lost its key meanwhile fails with the provider's code")
    func lostKey() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"))
            try await withOneKey(fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                let workspace = runtime.store.workspace.ref.key
                try await runtime.store.providers.delete(workspace: workspace, .anthropic)
                runtime.directory.forget(workspace: workspace)
                let error = try await runtime.runtime.reply(nil, run: run.ref, text: "red").result.error
                #expect(error?.code == .provider && error?.message.contains("API key") == true)
                #expect(try await runtime.detail(of: run.ref).summary.status == .failed)
            }
        }
    }

    @Test("a provider that asks for a long wait is not waited for; the caller hears of it", arguments: [true, false])
    func longWait(spare: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.error(429, "slow down", retryAfter: "3600"), .text("from the spare"))
            try await withRuntime(fake: fake) { runtime in
                let live = try await runtime.say(
                    "go", to: try await runtime.agent { $0.fallbackModels = spare ? ["claude-spare"] : [] })
                let result = await live.result()
                #expect(fake.requests.count == (spare ? 2 : 1))
                if spare {
                    #expect(result.text == "from the spare")
                } else {
                    #expect(result.error?.code == .provider && result.error?.retryAfter == 3600)
                    let detail = try await detail(runtime, live)
                    #expect(detail["kind"] == "rateLimited" && detail["retry_after"] == 3600)
                }
            }
        }
    }
}
