import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

extension TestRuntime {
    fileprivate func replay(
        _ origin: RunRef, from step: Int?, _ change: (inout Runtime.Overrides) -> Void = { _ in }
    ) async throws -> Runtime.Started {
        var overrides = Runtime.Overrides()
        change(&overrides)
        return try await runtime.replay(origin, fromStep: step, overrides, workspace: store.workspace.ref)
    }
}

/// A run of two tools and its record.
private struct Original {
    let ref: RunRef
    let journal: [JournalEntry]
}

@Suite("Replaying runs")
struct ReplayTests {
    private func change(
        _ runtime: TestRuntime, _ origin: RunRef, _ change: @escaping @Sendable (inout Agent) -> Void
    ) async throws {
        let agent = try #require(try await runtime.store.agents.id(ofKey: origin.agentKey))
        _ = try await runtime.store.agents.update(agent, workspace: origin.workspaceKey, change)
    }

    /// A run with two tools, called by one reply or by one each.
    private func withOriginal(
        together: Bool = true, settings: RuntimeSettings = RuntimeSettings(),
        _ body: (TestRuntime, FakeProvider, ProbeTool, Original) async throws -> Void
    ) async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                switch request.messages.count {
                case 1: together ? .probe("a", "b") : .probe("a")
                case 3 where !together: .probe("b")
                default: .text("got " + request.toolResults.joined(separator: ", "))
                }
            }
            let probe = ProbeTool()
            try await withRuntime(fake: fake, settings: settings, tools: [probe]) { runtime in
                let run = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                _ = try #require(await run.result().text)
                let journal = try await runtime.store.hosted.journal(of: run.ref)
                try await body(runtime, fake, probe, Original(ref: run.ref, journal: journal))
                // Whatever was done with it, the origin is as it was.
                #expect(try await runtime.store.hosted.journal(of: run.ref) == journal)
                #expect(try await runtime.detail(of: run.ref).summary.status == .completed)
            }
        }
    }

    @Test(
        "what comes before the step is taken over, what comes after is done again",
        arguments: [(1, 2, ["a", "b"]), (2, 1, ["a", "b"]), (3, 1, ["b"]), (4, 1, []), (5, 0, [])])
    func together(step: Int, requests: Int, tools: [String]) async throws {
        try await withOriginal { runtime, fake, probe, origin in
            let before = fake.requests.count
            let replayed = try await runtime.replay(origin.ref, from: step)
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did a, did b")
            #expect(fake.requests.count - before == requests)
            #expect(Set(probe.texts.dropFirst(2)) == Set(tools) && probe.calls.count - 2 == tools.count)
            let detail = try await runtime.detail(of: replayed.ref)
            #expect(detail.origin?.run == origin.ref.id && detail.origin?.step == step)
            #expect(replayed.ref.id != origin.ref.id && detail.summary.triggerType == .manual)
            let types = try await runtime.types(of: replayed.ref)
            #expect(types.count { $0 == "llm.response" } == requests)
            #expect(types.count { $0 == "tool.called" } == tools.count)
        }
    }

    @Test(
        "steps count model and tool calls in their order",
        arguments: [(2, 2, ["a", "b"]), (3, 2, ["b"]), (4, 1, ["b"]), (5, 1, []), (6, 0, [])])
    func oneAfterTheOther(step: Int, requests: Int, tools: [String]) async throws {
        try await withOriginal(together: false) { runtime, fake, probe, origin in
            let before = fake.requests.count
            let replayed = try await runtime.replay(origin.ref, from: step)
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did b")
            #expect(fake.requests.count - before == requests && Array(probe.texts.dropFirst(2)) == tools)
        }
    }

    @Test("without a step everything is done again")
    func all() async throws {
        try await withOriginal { runtime, fake, probe, origin in
            let replayed = try await runtime.replay(origin.ref, from: nil)
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did a, did b")
            #expect(fake.requests.count == 4 && probe.calls.count == 4)
        }
    }

    @Test("what is taken over counts no tokens and costs nothing")
    func cost() async throws {
        var settings = RuntimeSettings()
        settings.prices = try PriceBook(
            json: Array(#"{"prices": [{"model": "test-model", "input": 1000, "output": 2000}]}"#.utf8))
        try await withOriginal(settings: settings) { runtime, _, _, origin in
            #expect(try await runtime.detail(of: origin.ref).summary.cost == Money(usd: 0.05))
            let replayed = try await runtime.replay(origin.ref, from: 4)
            _ = try await runtime.runtime.outcome(of: replayed)
            let summary = try await runtime.detail(of: replayed.ref).summary
            #expect(summary.cost == Money(usd: 0.025) && summary.tokens.input == 11)
        }
    }

    @Test("model, system prompt, temperature and tokens can be changed for what is made anew")
    func overrides() async throws {
        try await withOriginal { runtime, fake, _, origin in
            let replayed = try await runtime.replay(origin.ref, from: 4) {
                $0.model = "other-model"
                $0.systemPrompt = "Be long."
                $0.temperature = 0.5
                $0.maxTokens = 77
            }
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did a, did b")
            let request = try #require(fake.requests.last)
            #expect(request.model == "other-model" && request.system == "Be long.")
            #expect(request.body["temperature"]?.doubleValue == 0.5 && request.body["max_tokens"]?.intValue == 77)
            // A replay can be replayed, with what it was made with.
            let second = try await runtime.replay(replayed.ref, from: 4)
            _ = try await runtime.runtime.outcome(of: second)
            #expect(fake.requests.last?.model == "other-model")
            #expect(try await runtime.detail(of: second.ref).origin?.run == replayed.ref.id)
        }
    }

    @Test("another input is for a replay from the start only")
    func input() async throws {
        try await withOriginal { runtime, fake, _, origin in
            let before = fake.requests.count
            let refused = try await refusal {
                try await runtime.replay(origin.ref, from: 2) { $0.input = ["message": "stop"] }
            }
            #expect(refused?.code == .validation && refused?.path == "overrides.input" && fake.requests.count == before)
            let replayed = try await runtime.replay(origin.ref, from: 1) { $0.input = ["message": "stop"] }
            _ = try await runtime.runtime.outcome(of: replayed)
            #expect(fake.requests[before].lastUserText.contains("stop"))
            let input = try await runtime.detail(of: replayed.ref).input
            #expect(try JSONParser.parse(input) == ["message": "stop"])
            let same = try await runtime.replay(origin.ref, from: 2)
            let (first, second) = (try await runtime.detail(of: origin.ref), try await runtime.detail(of: same.ref))
            #expect(first.input == second.input)
            _ = try await runtime.runtime.outcome(of: same)
        }
    }

    @Test("other tools are those that the model is offered from there on; unknown ones are refused by name")
    func tools() async throws {
        try await withOriginal { runtime, fake, _, origin in
            let unknown = try await refusal { try await runtime.replay(origin.ref, from: 4) { $0.tools = ["nope"] } }
            #expect(unknown?.code == .validation && unknown?.path?.hasPrefix("overrides.tools") == true)
            let replayed = try await runtime.replay(origin.ref, from: 4) { $0.tools = ["calculate"] }
            _ = try await runtime.runtime.outcome(of: replayed)
            #expect(fake.requests.last?.toolNames == ["calculate"])
        }
    }

    @Test("a step that the run does not have is refused by name", arguments: [-1, 0, 6, 100])
    func badStep(step: Int) async throws {
        try await withOriginal { runtime, fake, _, origin in
            let refused = try await refusal { try await runtime.replay(origin.ref, from: step) }
            #expect(refused?.code == .validation && refused?.path == "from_step")
            #expect(fake.requests.count == 2)
            #expect(try await runtime.store.count("runs") == 1)
        }
    }

    @Test("an agent that takes no runs takes no replays either", arguments: [AgentStatus.paused, .archived])
    func resting(status: AgentStatus) async throws {
        try await withOriginal { runtime, fake, _, origin in
            let agent = try #require(try await runtime.store.agents.id(ofKey: origin.ref.agentKey))
            _ = try await runtime.store.agents.update(agent, workspace: origin.ref.workspaceKey) { $0.status = status }
            #expect(try await refusal { try await runtime.replay(origin.ref, from: 1) }?.code == .validation)
            #expect(fake.requests.count == 2)
            #expect(try await runtime.store.count("runs") == 1)
        }
    }

    @Test(
        "calls that are made anew wait for a yes as the agent asks for it now",
        arguments: [(1, ["a", "b"]), (2, ["a", "b"]), (3, ["b"])])
    func gated(step: Int, waiting: [String]) async throws {
        try await withOriginal { runtime, _, probe, origin in
            try await change(runtime, origin.ref) { $0.approvalTools = ["probe"] }
            let replayed = try await runtime.replay(origin.ref, from: step)
            #expect(try await runtime.runtime.outcome(of: replayed).result.pause?.approvalID != nil)
            #expect(probe.calls.count == 2)
            let pending = try await runtime.pendingApprovals()
            let texts = try pending.compactMap { try JSONParser.parse($0.input)["text"]?.stringValue }
            #expect(Set(texts) == Set(waiting))
            for approval in pending { try await runtime.approve(approval.id) }
            #expect(try await runtime.result(of: replayed.ref).text == "got did a, did b")
            #expect(Set(probe.texts.dropFirst(2)) == Set(waiting))
        }
    }

    @Test("a gate that the agent has lost since holds for its recorded calls all the same")
    func formerGate() async throws {
        try await withFakeProvider { fake in
            fake.answer { $0.messages.count == 1 ? .probe("a") : .text("done") }
            try await withRuntime(fake: fake, tools: [ProbeTool()]) { runtime in
                let run = try await runtime.pausedRun(
                    of: try await runtime.agent(tools: ["probe"]) { $0.approvalTools = ["probe"] })
                try await runtime.approve(try #require(run.pause.approvalID))
                #expect(try await runtime.result(of: run.ref).text == "done")
                try await change(runtime, run.ref) { $0.approvalTools = [] }
                let replayed = try await runtime.replay(run.ref, from: 1)
                #expect(try await runtime.runtime.outcome(of: replayed).result.pause?.approvalID != nil)
            }
        }
    }

    @Test("a replay may cost what its agent's runs may cost now", arguments: [1, 4])
    func maxCost(step: Int) async throws {
        try await withOriginal { runtime, fake, _, origin in
            try await change(runtime, origin.ref) { $0.maxCost = .zero }
            let refused = try await refusal { try await runtime.replay(origin.ref, from: step) }
            #expect(refused?.code == .paymentRequired && fake.requests.count == 2)
            #expect(try await runtime.store.count("runs") == 1)
            try await change(runtime, origin.ref) { $0.maxCost = nil }
            let replayed = try await runtime.replay(origin.ref, from: step)
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did a, did b")
        }
    }

    @Test("another input has to be as the agent's input_schema wants it")
    func inputSchema() async throws {
        try await withOriginal { runtime, _, _, origin in
            try await change(runtime, origin.ref) {
                $0.inputSchema = ["type": "object", "properties": ["count": ["type": "integer"]]]
            }
            let refused = try await refusal {
                try await runtime.replay(origin.ref, from: 1) { $0.input = ["count": "many"] }
            }
            #expect(refused?.code == .validation && refused?.path == "overrides.input.count")
            #expect(try await runtime.store.count("runs") == 1)
            let replayed = try await runtime.replay(origin.ref, from: 1) { $0.input = ["count": 3] }
            #expect(try await runtime.runtime.outcome(of: replayed).result.text == "got did a, did b")
        }
    }

    @Test("a run that was reported cannot be replayed")
    func reported() async throws {
        try await withRuntime { runtime in
            let run = try await runtime.store.run()
            #expect(try await refusal { try await runtime.replay(run, from: 1) }?.code == .validation)
        }
    }

    @Test("a failed run can be replayed from the call that failed")
    func failed() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .error(400, "no"), .text("now it goes"))
            let probe = ProbeTool()
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let run = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                #expect(await run.result().error?.code == .provider)
                let replayed = try await runtime.replay(run.ref, from: 3)
                #expect(try await runtime.runtime.outcome(of: replayed).result.text == "now it goes")
                #expect(probe.calls.count == 1)
            }
        }
    }

    @Test("an approval and an answer that are taken over are not asked for again; those after the step are")
    func pauses() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                request.messages.count == 1
                    ? .tools(("probe", ["text": "a"]), ("ask_human", ["question": "Sure?"]))
                    : .text("got " + request.toolResults.joined(separator: ", "))
            }
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe", "ask_human"]))
                try await runtime.approve(try #require(run.pause.approvalID))
                #expect(try await runtime.result(of: run.ref).pause?.question?.question == "Sure?")
                #expect(try await runtime.runtime.reply(nil, run: run.ref, text: "yes").result.text == "got did a, yes")
                let done = try await runtime.replay(run.ref, from: 4)
                #expect(try await runtime.runtime.outcome(of: done).result.text == "got did a, yes")
                let asked = try await runtime.replay(run.ref, from: 3)
                #expect(try await runtime.runtime.outcome(of: asked).result.pause?.question?.question == "Sure?")
                #expect(probe.calls.count == 1)
                let gated = try await runtime.replay(run.ref, from: 2)
                #expect(try await runtime.runtime.outcome(of: gated).result.pause?.approvalID != nil)
                #expect(probe.calls.count == 1)
            }
        }
    }
}
