import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

private func settings(_ rejection: RunPlan.Rejection) -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.rejection = rejection
    return settings
}

extension TestRuntime {
    fileprivate func replay(_ origin: RunRef, from step: Int) async throws -> RunResult {
        let started = try await runtime.replay(
            origin, fromStep: step, Runtime.Overrides(), workspace: store.workspace.ref)
        return try await runtime.outcome(of: started).result
    }
}

@Suite("Rare turns of hosted runs")
struct DurableEdgeTests {
    @Test(
        "a rejection that is taken over is not asked for again, and calls beside it are not made again",
        arguments: [4])
    func replayedRejection(step: Int) async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                request.messages.count == 1
                    ? .probe("a", "b") : .text("got " + request.toolResults.joined(separator: ", "))
            }
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: settings(.toldToModel), tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let ids = try await runtime.pendingApprovals().map(\.id)
                try await runtime.decide(ids[0], .init(isApproved: false, note: "no"))
                try await runtime.approve(ids[1])
                let text = try #require(try await runtime.result(of: run.ref).text)
                #expect(text.contains("did b") && probe.texts == ["b"])
                // Steps: the reply, the call of b, the last reply.
                let replayed = try await runtime.replay(run.ref, from: step)
                #expect(replayed.text == text)
                #expect(probe.texts == ["b"])
            }
        }
    }

    @Test("a call that a person did not want repeated is not repeated by a replay", arguments: [3, 4])
    func replayedSkip(step: Int) async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                request.messages.count == 1 ? .probe("a") : .text("got " + request.toolResults.joined(separator: ", "))
            }
            let first = ProbeTool(policy: .ask, gate: FakeGate())
            let second = ProbeTool(policy: .ask)
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, tools: [first], on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                    try await eventually("the call") { first.calls.count == 1 }
                    return live.ref
                }
                try await withRuntime(fake: fake, tools: [second], on: store) { runtime in
                    _ = try await runtime.result(of: ref)
                    let text = try await runtime.runtime.reply(nil, run: ref, text: InputRequest.skipOption).result.text
                    #expect(try await runtime.replay(ref, from: step).text == text)
                    #expect(second.calls.isEmpty)
                }
            }
        }
    }

    @Test("steps are not miscounted after a retry")
    func replayedRetry() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                request.messages.count == 1 ? .probe("a") : .text("got " + request.toolResults.joined(separator: ", "))
            }
            let first = ProbeTool(policy: .ask, gate: FakeGate())
            let second = ProbeTool(policy: .ask)
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, tools: [first], on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                    try await eventually("the call") { first.calls.count == 1 }
                    return live.ref
                }
                try await withRuntime(fake: fake, tools: [second], on: store) { runtime in
                    _ = try await runtime.result(of: ref)
                    _ = try await runtime.runtime.reply(nil, run: ref, text: InputRequest.retryOption)
                    #expect(try await refusal { try await runtime.replay(ref, from: 5) }?.path == "from_step")
                }
            }
        }
    }

    @Test("a question whose time runs out while another's call is made again still expires")
    func lateQuestion() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a", "b"), .text("done"))
            let first = ProbeTool(policy: .ask, gate: FakeGate())
            let gate = FakeGate()
            let second = ProbeTool(policy: .ask, gate: gate)
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, tools: [first], on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                    try await eventually("the calls") { first.calls.count == 2 }
                    return live.ref
                }
                try await withRuntime(fake: fake, tools: [second], on: store) { runtime in
                    _ = try await runtime.result(of: ref)
                    let engine = runtime.runtime
                    async let report = engine.reply(nil, run: ref, text: InputRequest.retryOption)
                    try await eventually("the call") { second.calls.count == 1 }
                    runtime.later(90_000)
                    try? await eventually("expired", within: 3) {
                        try await store.count("jobs WHERE kind = 'question.expire'") == 0
                    }
                    gate.open()
                    _ = try? await report
                    runtime.later(90_000)
                    try await eventually("the end", within: 8) {
                        try await runtime.detail(of: ref).summary.status == .failed
                    }
                }
            }
        }
    }

    @Test("a run with a damaged journal can be cancelled")
    func cancelDamaged() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("One?"))
            try await withRuntime(fake: fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                try await runtime.store.committer.write { connection in
                    _ = try connection.run(
                        """
                        UPDATE run_steps SET payload = '{' WHERE run_key = $1
                        AND position = (SELECT MAX(position) FROM run_steps WHERE run_key = $1)
                        """, [.int(run.ref.key)])
                }
                try await runtime.runtime.cancel(run.ref, reason: "broken")
                #expect(try await runtime.detail(of: run.ref).summary.status == .cancelled)
            }
        }
    }

    @Test("who watches a run hears of each question with its place", arguments: 0..<20)
    func watched(number: Int) async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a", "b"), .text("done"))
            let first = ProbeTool(policy: .ask, gate: FakeGate())
            let second = ProbeTool(policy: .ask)
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, tools: [first], on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent(tools: ["probe"]))
                    try await eventually("the calls") { first.calls.count == 2 }
                    return live.ref
                }
                try await withRuntime(fake: fake, tools: [second], on: store) { runtime in
                    var frames = try await runtime.runtime.stream(ref).read()
                    for _ in 0..<2 {
                        let stream = runtime.runtime.stream(ref, after: frames.last?.id ?? .beginning)
                        let engine = runtime.runtime
                        async let report = engine.reply(nil, run: ref, text: InputRequest.skipOption)
                        frames += try await stream.read()
                        _ = try await report
                    }
                    #expect(frames.areInOrder, "\(frames.map { "\($0.id?.text ?? "nil") \($0.frame)" })")
                }
            }
        }
    }

    @Test("a run whose journal cannot be read fails and says so", arguments: ["payload = '{'", "kind = 'strange'"])
    func unreadable(change: String) async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0))
            try await withStore { store in
                let ref = try await withRuntime(fake: fake, on: store) { runtime in
                    let live = try await runtime.say("go", to: try await runtime.agent())
                    await fake.waitForRequests(1)
                    return live.ref
                }
                try await store.committer.write { connection in
                    _ = try connection.run(
                        "UPDATE run_steps SET \(change) WHERE run_key = $1 AND position = 1", [.int(ref.key)])
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    try await eventually("the end") { try await runtime.detail(of: ref).summary.status == .failed }
                    let error = try await runtime.result(of: ref).error
                    #expect(error?.message.contains("journal") == true && runtime.runtime.activeCount == 0)
                }
            }
        }
    }
}
