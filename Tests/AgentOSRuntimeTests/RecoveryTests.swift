import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

/// Runs whose process goes down during a tool call, and the process after that.
@Suite("Tool calls that a process died in")
struct UnknownOutcomeTests {
    /// - Parameters:
    ///   - texts: what `probe` is called with by one reply.
    ///   - body: in the second process, with the run, its tool, and that of the first.
    private func interrupted(
        _ policy: UnknownOutcome, _ texts: [String] = ["a"], requiresApproval: Bool = false,
        _ body: (TestRuntime, FakeProvider, RunRef, ProbeTool, ProbeTool) async throws -> Void
    ) async throws {
        try await withFakeProvider { fake in
            fake.play(
                .calls(texts.map { .init(name: "probe", arguments: #"{"text": "\#($0)"}"#) }), .text("done"))
            let first = ProbeTool(requiresApproval: requiresApproval, policy: policy, gate: FakeGate())
            let second = ProbeTool(requiresApproval: requiresApproval, policy: policy)
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, tools: [first], on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                    if requiresApproval, let id = await live.result().pause?.approvalID {
                        try await runtime.approve(id)
                    }
                    try await eventually("the calls") { first.calls.count == texts.count }
                    return live.ref
                }
                try await withRuntime(fake: fake, tools: [second], on: store) { runtime in
                    try await body(runtime, fake, ref, second, first)
                }
            }
        }
    }

    @Test("a tool that recognises repeats is called again, with the same key", arguments: [true, false])
    func retry(gated: Bool) async throws {
        try await interrupted(.retry, requiresApproval: gated) { runtime, fake, ref, second, first in
            #expect(try await runtime.result(of: ref).text == "done")
            #expect(second.texts == ["a"] && second.calls.map(\.key) == first.calls.map(\.key))
            #expect(fake.requests.count == 2 && fake.requests[1].toolResults == ["did a"])
            let types = try await runtime.types(of: ref)
            #expect(types.contains("run.resumed") && types.count { $0 == "tool.called" } == 1)
        }
    }

    @Test("calls of one reply have keys of their own and keep them")
    func keys() async throws {
        try await interrupted(.retry, ["a", "b"]) { runtime, _, ref, second, first in
            let result = try await runtime.result(of: ref)
            #expect(result.text == "done")
            func keys(_ tool: ProbeTool) -> [String: UUIDBits] {
                Dictionary(tool.calls.map { ($0.text, $0.key) }) { one, _ in one }
            }
            #expect(keys(first) == keys(second) && Set(keys(first).values).count == 2)
        }
    }

    @Test("a tool whose calls must not be repeated is not called again; the model is told")
    func report() async throws {
        try await interrupted(.report, ["a", "b"]) { runtime, fake, ref, second, _ in
            let result = try await runtime.result(of: ref)
            #expect(result.text == "done" && second.calls.isEmpty)
            let results = fake.requests[1].toolResults
            #expect(results.count == 2 && results.allSatisfy { $0.contains("unknown") })
            #expect(try await runtime.types(of: ref).count { $0 == "tool.failed" } == 2)
        }
    }

    @Test("a person who is asked says whether the call is made again", arguments: [true, false])
    func ask(again: Bool) async throws {
        try await interrupted(.ask) { runtime, fake, ref, second, first in
            let question = try #require(try await runtime.result(of: ref).pause?.question)
            #expect(question.question.contains("probe") && question.options.count == 2)
            #expect(second.calls.isEmpty && runtime.runtime.activeCount == 0)
            let answer = again ? InputRequest.retryOption : InputRequest.skipOption
            let report = try await runtime.runtime.reply(question.id, run: ref, text: answer)
            #expect(report.result.text == "done")
            #expect(second.calls.map(\.key) == (again ? first.calls.map(\.key) : []))
            let told = fake.requests[1].toolResults.first ?? ""
            #expect(again ? told == "did a" : told.contains(InputRequest.skipOption))
        }
    }

    @Test("two calls in doubt are two questions, and each is answered for itself")
    func askTwice() async throws {
        try await interrupted(.ask, ["a", "b"]) { runtime, fake, ref, second, _ in
            let one = try #require(try await runtime.result(of: ref).pause?.question)
            let next = try await runtime.runtime.reply(one.id, run: ref, text: InputRequest.skipOption)
            let two = try #require(next.result.pause?.question)
            #expect(two.id != one.id)
            let report = try await runtime.runtime.reply(two.id, run: ref, text: InputRequest.retryOption)
            #expect(report.result.text == "done" && second.calls.count == 1)
            #expect(fake.requests[1].toolResults.count == 2)
        }
    }
}

@Suite("Runs after a restart")
struct RecoveryTests {
    @Test("a child run that was begun is found again and not begun twice")
    func child() async throws {
        try await withFakeProvider { fake in
            try await withStore { store in
                let asked = Collected<String>()
                let (child, ref) = try await withRuntime(fake: fake, on: store) { runtime in
                    let child = try await runtime.agent { $0.systemPrompt = "child" }
                    let parent = try await runtime.agent(tools: ["invoke_agent"]) { $0.systemPrompt = "parent" }
                    let id = child.id
                    fake.answer { request in
                        asked.add(request.system)
                        if request.system == "child" {
                            let step = FakeStep.text("from the child")
                            let isFirst = asked.all.count { $0 == "child" } == 1
                            return isFirst ? step.waiting(for: FakeGate(), after: 0) : step
                        }
                        guard let result = request.toolResults.first else {
                            return .tools(("invoke_agent", ["agent_id": .string("\(id)"), "input": [:]]))
                        }
                        return .text("heard: " + result)
                    }
                    let live = try await runtime.say("go", to: parent)
                    await fake.waitForRequests(2)
                    return (child, live.ref)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    #expect(try await runtime.result(of: ref).text?.contains("from the child") == true)
                    let runs = try await store.runs.list(
                        workspace: child.workspaceKey, RunFilter(agentKey: child.key)
                    ).items
                    #expect(runs.count == 1 && runs.first?.status == .completed && runs.first?.parentRunID == ref.id)
                    #expect(asked.all == ["parent", "child", "child", "parent"])
                }
            }
        }
    }

    @Test("many runs that were going on are all taken up and end")
    func many() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("done").waiting(for: gate, after: 0), repeatingLast: true)
            try await withStore { store in
                let refs = try await withRuntime(fake: fake, on: store) { runtime in
                    let agent = try await runtime.agent()
                    var refs: [RunRef] = []
                    for _ in 0..<20 { refs.append(try await runtime.say("go", to: agent).ref) }
                    await fake.waitForRequests(20)
                    return refs
                }
                gate.open()
                try await withRuntime(fake: fake, on: store) { runtime in
                    for ref in refs { #expect(try await runtime.result(of: ref).text == "done") }
                    #expect(fake.requests.count == 40)
                    try await eventually("no jobs") { try await store.queue.counts().waiting == 0 }
                }
            }
        }
    }

    @Test("a run whose journal makes no sense fails and says so")
    func damaged() async throws {
        let change = #"kind = 'tools_called', payload = '{"call_ids": ["x"]}'"#
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0))
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent()) { $0.memory = .startSession }
                    await fake.waitForRequests(1)
                    return live.ref
                }
                try await store.committer.write { connection in
                    _ = try connection.run(
                        "UPDATE run_steps SET \(change) WHERE run_key = $1 AND position = 1", [.int(ref.key)])
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    try await eventually("the end") {
                        try await runtime.detail(of: ref).summary.status == .failed
                    }
                    let error = try await runtime.result(of: ref).error
                    #expect(error?.message.contains("journal") == true)
                    #expect(try await runtime.detail(of: ref).summary.errorMessage?.contains("journal") == true)
                    #expect(runtime.runtime.activeCount == 0)
                }
            }
        }
    }
}
