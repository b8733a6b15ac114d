import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

/// A second of work for each run.
private func hurried() -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.timeLimitSeconds = 1
    return settings
}

@Suite("What ends a run, and what does not")
struct StopTests {
    @Test("a run that would start another while the server drains goes on with the next process")
    func drainedBeforeChild() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            try await withStore { store in
                let (child, ref) = try await withRuntime(fake: fake, on: store) { runtime in
                    let child = try await runtime.agent { $0.systemPrompt = "child" }
                    let parent = try await runtime.agent(tools: ["invoke_agent"]) { $0.systemPrompt = "parent" }
                    let id = child.id
                    fake.answer { request in
                        if request.system == "child" { return .text("from the child") }
                        guard let result = request.toolResults.first else {
                            return .tools(("invoke_agent", ["agent_id": .string("\(id)"), "input": [:]]))
                                .waiting(for: gate, after: 0)
                        }
                        return .text("heard: " + result)
                    }
                    let live = try await runtime.say("go", to: parent)
                    await fake.waitForRequests(1)
                    let engine = runtime.runtime
                    let draining = Task { await engine.drain(graceSeconds: 30) }
                    try await eventually("the drain") {
                        let refused = try await refusal { try await engine.reply(nil, run: live.ref, text: "x") }
                        return refused?.code == .unavailable
                    }
                    // Within the grace the model answers.
                    gate.open()
                    let error = await live.result().error
                    #expect(error?.code == .unavailable && error?.runID == live.ref.id)
                    await draining.value
                    #expect(try await runtime.detail(live).summary.status == .running)
                    return (child, live.ref)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    #expect(try await runtime.result(of: ref).text?.contains("from the child") == true)
                    let runs = try await store.runs.list(
                        workspace: child.workspaceKey, RunFilter(agentKey: child.key)
                    ).items
                    #expect(runs.map(\.status) == [.completed])
                }
            }
        }
    }

    @Test("a run that is stopped while tools run side by side ends on record and says why", arguments: [true, false])
    func besideTools(cancelled: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("current_time", [:]), ("probe", ["text": "a"])))
            let probe = ProbeTool(gate: FakeGate())
            try await withRuntime(fake: fake, settings: hurried(), tools: [probe]) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent(tools: ["current_time", "probe"]))
                try await eventually("the first result") {
                    try await runtime.events(live).types.contains("tool.returned")
                }
                let engine = runtime.runtime
                if cancelled {
                    try await engine.cancel(live.ref, reason: "enough")
                } else {
                    try await eventually("the end") {
                        engine.enforceTimeLimit()
                        return engine.activeCount == 0
                    }
                }
                let (code, status): (ErrorCode, RunStatus) = cancelled ? (.conflict, .cancelled) : (.timeout, .failed)
                let error = await live.result().error
                #expect(error?.code == code)
                #expect(error?.message.contains(cancelled ? "was cancelled" : "was stopped after") == true)
                #expect(try await runtime.detail(live).summary.status == status)
                let journal = try await runtime.store.hosted.journal(of: live.ref)
                #expect(try RunMachine(journal: journal).next == .nothing)
            }
        }
    }

    @Test("a model call that breaks off past the time limit is a timeout, and no other model takes over")
    func late() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("never").waiting(for: gate, after: 0).cut(after: 0), repeatingLast: true)
            try await withRuntime(fake: fake, settings: hurried()) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent { $0.fallbackModels = ["other"] })
                await fake.waitForRequests(1)
                try await Task.sleep(for: .milliseconds(1100))
                gate.open()
                #expect(await live.result().error?.code == .timeout)
                #expect(fake.requests.allSatisfy { $0.model == "test-model" })
                let run = try await runtime.detail(live)
                #expect(run.summary.status == .failed)
                #expect(run.errorDetail.map { String(decoding: $0, as: UTF8.self) }?.contains("TIMEOUT") == true)
            }
        }
    }
}
