import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

/// A call of the fake model, 11 tokens in and 7 out, costs 2.5 cents.
private let callCost = Money(usd: 0.025)

private func priced() throws -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.prices = try PriceBook(
        json: Array(
            #"{"prices": [{"model": "test-model", "aliases": ["claude-spare"], "input": 1000, "output": 2000}]}"#.utf8))
    return settings
}

extension FakeStep {
    /// No reply, for which the provider counts as many tokens as for any other.
    fileprivate static func lost(declined: Bool) -> FakeStep {
        let content = declined ? "[]" : #"[{"type": "tool_use", "id": "a", "name": "", "input": {}}]"#
        let reason = declined ? "refusal" : "tool_use"
        let usage = #"{"input_tokens": 11, "output_tokens": 7}"#
        return .raw(body: #"{"content": \#(content), "stop_reason": "\#(reason)", "usage": \#(usage)}"#)
    }
}

extension TestRuntime {
    /// An agent whose calls are estimated at a bit more than 20 cents.
    fileprivate func spender(
        tools: [String] = [], maxCost: Double? = nil, change: (inout Agent) -> Void = { _ in }
    ) async throws -> Agent {
        try await agent(tools: tools) { draft in
            draft.maxTokens = 100
            draft.maxCost = maxCost.map { Money(usd: $0) }
            change(&draft)
        }
    }

    fileprivate func setBudget(_ agent: Agent?, _ usd: Double) async throws {
        try await store.budgets.set(workspace: store.workspace.ref.key, agent: agent?.key, daily: Money(usd: usd))
    }

    fileprivate func budget(_ agent: Agent? = nil) async throws -> BudgetRecord {
        try await store.budgets.get(workspace: store.workspace.ref.key, agent: agent)
    }
}

@Suite("What runs cost and may cost")
struct MoneyTests {
    @Test("a run's cost is the sum of its model calls, and the day's spending that of its runs")
    func cost() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"), .text("more"))
            try await withRuntime(fake: fake, settings: try priced(), tools: [ProbeTool()]) { runtime in
                let agent = try await runtime.spender(tools: ["probe"])
                let run = try await runtime.say("go", to: agent)
                _ = await run.result()
                let summary = try await runtime.detail(run).summary
                #expect(summary.cost == callCost + callCost && summary.unpricedCalls == 0)
                _ = await (try runtime.say("go", to: agent)).result()
                for record in [try await runtime.budget(), try await runtime.budget(agent)] {
                    #expect(record.spentToday == callCost + callCost + callCost && record.reserved == .zero)
                }
                // The figures over days count every call, the last one of each run too, for its model.
                let usage = try await runtime.store.figures.usage(workspace: agent.workspaceKey, days: 1)
                #expect(usage.models.map(\.model) == ["test-model"])
                #expect(usage.total.cost == callCost + callCost + callCost && usage.total.inputTokens == 33)
            }
        }
    }

    @Test("what a provider counts of a reply that is none is on record and paid for", arguments: [true, false])
    func lost(declined: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.lost(declined: declined))
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender()
                try await runtime.setBudget(agent, 5)
                let run = try await runtime.say("go", to: agent)
                #expect(await run.result().error?.code == .provider)
                let summary = try await runtime.detail(run).summary
                #expect(summary.status == .failed && summary.cost == callCost && summary.unpricedCalls == 0)
                for record in [try await runtime.budget(), try await runtime.budget(agent)] {
                    #expect(record.spentToday == callCost && record.reserved == .zero)
                }
                let spans = try await runtime.events(run).filter { $0["kind"] != nil }
                #expect(spans.compactMap { $0["kind"]?.stringValue } == ["llm", "agent"])
                for span in spans {
                    #expect(span["payload"]?["input_tokens"] == 11 && span["payload"]?["output_tokens"] == 7)
                    #expect(span["payload"]?["error"]?.stringValue?.isEmpty == false)
                }
                let usage = try await runtime.store.figures.usage(workspace: agent.workspaceKey, days: 1)
                #expect(usage.total.cost == callCost && usage.total.inputTokens == 11)
            }
        }
    }

    @Test("a reply that is none counts beside that of the model which takes over, and for what the run may cost")
    func lostBeforeAnother() async throws {
        try await withFakeProvider { fake in
            fake.answer { $0.model == "claude-spare" ? .text("done") : .lost(declined: false) }
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender { $0.fallbackModels = ["claude-spare"] }
                let run = try await runtime.say("go", to: agent)
                #expect(await run.result().text == "done")
                #expect(try await runtime.detail(run).summary.cost == callCost + callCost)
                #expect(try await runtime.budget(agent).spentToday == callCost + callCost)
                let root = try await runtime.events(run).last { $0["kind"] == "agent" }
                #expect(root?["payload"]?["input_tokens"] == 22)
                // Whoever takes the run up knows of it.
                let machine = try RunMachine(journal: try await runtime.store.hosted.journal(of: run.ref))
                #expect(machine.cost == callCost + callCost && machine.usage.input == 22)
                let poor = try await runtime.spender(maxCost: 0.02) { $0.fallbackModels = ["claude-spare"] }
                let stopped = try await runtime.say("go", to: poor)
                #expect(await stopped.result().error?.code == .paymentRequired)
                #expect(fake.requests.map(\.model) == ["test-model", "claude-spare", "test-model"])
                #expect(try await runtime.detail(stopped).summary.cost == callCost)
            }
        }
    }

    @Test("a model without a price has no cost, is counted as such, and no budget stops it")
    func unpriced() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"))
            var settings = RuntimeSettings()
            settings.prices = PriceBook()
            try await withRuntime(fake: fake, settings: settings, tools: [ProbeTool()]) { runtime in
                let agent = try await runtime.spender(tools: ["probe"], maxCost: 0.001)
                try await runtime.setBudget(agent, 0.001)
                let run = try await runtime.say("go", to: agent)
                #expect(await run.result().text == "done")
                let summary = try await runtime.detail(run).summary
                #expect(summary.cost == nil && summary.unpricedCalls == 2)
                #expect(try await runtime.budget(agent).spentToday == .zero)
            }
        }
    }

    @Test("an open call's upper bound is set aside and given back for what it really cost")
    func reservation() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("done").waiting(for: gate, after: 0))
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender()
                try await runtime.setBudget(agent, 5)
                let run = try await runtime.say("go", to: agent)
                await fake.waitForRequests(1)
                for record in [try await runtime.budget(agent), try await runtime.budget()] {
                    #expect(record.reserved > Money(usd: 0.2) && record.reserved < Money(usd: 1))
                    #expect(record.spentToday == .zero)
                }
                gate.open()
                _ = await run.result()
                for record in [try await runtime.budget(agent), try await runtime.budget()] {
                    #expect(record.reserved == .zero && record.spentToday == callCost)
                }
            }
        }
    }

    @Test(
        "a used-up budget refuses before any request and without a run, until the next day", arguments: [true, false])
    func exhausted(whole: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.text("done"), repeatingLast: true)
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender()
                try await runtime.setBudget(whole ? nil : agent, 0.01)
                // What is left is enough to begin with.
                _ = await (try runtime.say("go", to: agent)).result()
                let refused = try await refusal { try await runtime.say("go", to: agent) }
                #expect(refused?.code == .paymentRequired && refused?.runID == nil)
                #expect(refused?.message.contains(whole ? "workspace" : "agent") == true)
                #expect(fake.requests.count == 1)
                #expect(try await runtime.store.count("runs") == 1)
                runtime.store.clock.advance(bySeconds: 86_400)
                #expect(await (try runtime.say("go", to: agent)).result().text == "done")
            }
        }
    }

    @Test("a budget that is used up while a run goes on stops it before its next call")
    func exhaustedMeanwhile() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("never"))
            try await withRuntime(fake: fake, settings: try priced(), tools: [ProbeTool()]) { runtime in
                let agent = try await runtime.spender(tools: ["probe"])
                try await runtime.setBudget(agent, 0.02)
                let run = try await runtime.say("go", to: agent)
                #expect(await run.result().error?.code == .paymentRequired)
                #expect(fake.requests.count == 1)
                #expect(try await runtime.detail(run).summary.status == .failed)
                #expect(try await runtime.budget(agent).reserved == .zero)
            }
        }
    }

    @Test("a run stops before the call after which it had cost what it may")
    func maxCost() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .probe("b"), .text("never"))
            let probe = ProbeTool()
            try await withRuntime(fake: fake, settings: try priced(), tools: [probe]) { runtime in
                let run = try await runtime.say("go", to: try await runtime.spender(tools: ["probe"], maxCost: 0.04))
                let error = await run.result().error
                #expect(error?.code == .paymentRequired && error?.message.contains("0.04") == true)
                #expect(fake.requests.count == 2 && probe.texts == ["a", "b"])
                let summary = try await runtime.detail(run).summary
                #expect(summary.status == .failed && summary.cost == callCost + callCost)
                // Who asks later hears the same.
                #expect(try await runtime.result(of: run.ref).error?.code == .paymentRequired)
                #expect(try await runtime.budget().reserved == .zero)
            }
        }
    }

    @Test("a cancelled run gives back what was set aside")
    func cancelled() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0))
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender()
                try await runtime.setBudget(agent, 5)
                let run = try await runtime.say("go", to: agent)
                await fake.waitForRequests(1)
                #expect(try await runtime.budget(agent).reserved > .zero)
                try await runtime.runtime.cancel(run.ref, reason: nil)
                let record = try await runtime.budget(agent)
                #expect(record.reserved == .zero && record.spentToday == .zero)
            }
        }
    }

    @Test("what was set aside when a process went down is given back by the next one, once")
    func restarted() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0), .text("done"))
            try await withStore { store in
                let (agent, ref) = try await withRuntime(fake: fake, settings: try priced(), on: store) { runtime in
                    let agent = try await runtime.spender()
                    try await runtime.setBudget(agent, 5)
                    let run = try await runtime.say("go", to: agent)
                    await fake.waitForRequests(1)
                    return (agent, run.ref)
                }
                try await withRuntime(fake: fake, settings: try priced(), on: store) { runtime in
                    #expect(try await runtime.result(of: ref).text == "done")
                    let record = try await runtime.budget(agent)
                    #expect(record.reserved == .zero && record.spentToday == callCost)
                    #expect(try await runtime.detail(of: ref).summary.cost == callCost)
                }
            }
        }
    }

    @Test("a paused run holds no money")
    func paused() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: try priced(), tools: [probe]) { runtime in
                let agent = try await runtime.spender(tools: ["probe"])
                try await runtime.setBudget(agent, 5)
                _ = try await runtime.pausedRun(of: agent)
                let record = try await runtime.budget(agent)
                #expect(record.reserved == .zero && record.spentToday == callCost)
            }
        }
    }

    @Test("the runs below a run count for what it may cost, and may cost no more than it has left")
    func children() async throws {
        try await withFakeProvider { fake in
            try await withRuntime(fake: fake, settings: try priced(), tools: [ProbeTool()]) { runtime in
                let child = try await runtime.spender(tools: ["probe"]) { $0.systemPrompt = "child" }
                let parent = try await runtime.spender(tools: ["invoke_agent"], maxCost: 0.04) {
                    $0.systemPrompt = "parent"
                }
                // The child would go on for ever.
                fake.answer { request in
                    request.system == "child"
                        ? .probe("a") : .tools(("invoke_agent", ["agent_id": .string("\(child.id)"), "input": [:]]))
                }
                let run = try await runtime.say("go", to: parent)
                #expect(await run.result().error?.code == .paymentRequired)
                // One call of the parent, one of the child: then both have cost what they may.
                #expect(fake.requests.map(\.system) == ["parent", "child"])
                let runs = try await runtime.store.runs.list(
                    workspace: child.workspaceKey, RunFilter(agentKey: child.key)
                ).items
                #expect(runs.map(\.status) == [.failed] && runs.first?.cost == callCost)
                #expect(try await runtime.detail(run).summary.cost == callCost)
            }
        }
    }

    @Test("a run that may cost nothing is refused before it exists")
    func nothing() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never"))
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender(maxCost: 0)
                let refused = try await refusal { try await runtime.say("go", to: agent) }
                #expect(refused?.code == .paymentRequired && refused?.runID == nil)
                #expect(fake.requests.isEmpty)
                #expect(try await runtime.store.count("runs") == 0)
            }
        }
    }

    @Test("a run that has nothing left starts no other: that is a failed tool")
    func nothingLeft() async throws {
        try await withFakeProvider { fake in
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let child = try await runtime.spender()
                let parent = try await runtime.spender(tools: ["invoke_agent"], maxCost: 0.02)
                fake.play(.tools(("invoke_agent", ["agent_id": .string("\(child.id)"), "input": [:]])))
                let run = try await runtime.say("go", to: parent)
                #expect(await run.result().error?.code == .paymentRequired)
                #expect(fake.requests.count == 1)
                #expect(try await runtime.events(run).types.contains("tool.failed"))
                #expect(try await runtime.store.count("runs") == 1)
            }
        }
    }

    @Test("runs that one reply starts share what is left, so that together they cannot spend more")
    func shared() async throws {
        try await withFakeProvider { fake in
            try await withRuntime(fake: fake, settings: try priced(), tools: [ProbeTool()]) { runtime in
                let child = try await runtime.spender(tools: ["probe"]) { $0.systemPrompt = "child" }
                let parent = try await runtime.spender(tools: ["invoke_agent"], maxCost: 0.1) {
                    $0.systemPrompt = "parent"
                }
                let call = ("invoke_agent", JSONValue.object(["agent_id": .string("\(child.id)"), "input": [:]]))
                // Each child would go on for ever.
                fake.answer { $0.system == "child" ? .probe("a") : .tools(call, call, call) }
                let run = try await runtime.say("go", to: parent)
                #expect(await run.result().error?.code == .paymentRequired)
                #expect(fake.requests.count { $0.system == "child" } == 3)
                let runs = try await runtime.store.runs.list(
                    workspace: child.workspaceKey, RunFilter(agentKey: child.key)
                ).items
                #expect(runs.count == 3 && runs.allSatisfy { $0.status == .failed && $0.cost == callCost })
            }
        }
    }

    @Test("two runs that begin at once cannot both take the rest of a budget")
    func race() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("done").waiting(for: gate, after: 0), repeatingLast: true)
            try await withRuntime(fake: fake, settings: try priced()) { runtime in
                let agent = try await runtime.spender()
                try await runtime.setBudget(agent, 0.1)
                let (engine, ends) = (runtime.runtime, Collected<ErrorCode?>())
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            ends.add(try await refusal { try await engine.invoke(agent, InvokeRequest()) }?.code)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(ends.all.count { $0 == nil } == 1 && ends.all.count { $0 == .paymentRequired } == 5)
                gate.open()
                try await eventually("the end") { engine.activeCount == 0 }
                #expect(fake.requests.count == 1)
                let record = try await runtime.budget(agent)
                #expect(record.spentToday == callCost && record.reserved == .zero)
            }
        }
    }
}
