import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite("Runs that ask a person")
struct QuestionTests {
    @Test("an answer lets the run go on; the model reads it as the call's result", arguments: [true, false])
    func reply(named: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"), .text("the red one"))
            try await withRuntime(fake: fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                let question = try #require(run.pause.question)
                #expect(question.question == "Which one?" && runtime.runtime.activeCount == 0)
                let detail = try await runtime.detail(of: run.ref)
                #expect(detail.summary.status == .awaitingInput && detail.question?.id == question.id)
                let report = try await runtime.runtime.reply(named ? question.id : nil, run: run.ref, text: "red")
                #expect(report.result.text == "the red one" && report.run == run.ref.id)
                #expect(fake.requests[1].toolResults == ["red"])
                let late = try await refusal { try await runtime.runtime.reply(nil, run: run.ref, text: "blue") }
                #expect(late?.code == .conflict)
            }
        }
    }

    @Test("an answer to a question that is not the run's is a conflict and changes nothing")
    func wrongID() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("One?"), .ask("Two?"), .text("ok"))
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent(tools: ["ask_human"])
                let (one, two) = (try await runtime.pausedRun(of: agent), try await runtime.pausedRun(of: agent))
                let unknown = HumanRequestID.new(at: runtime.store.clock.now)
                for id in [try #require(two.pause.question).id, unknown] {
                    let refused = try await refusal { try await runtime.runtime.reply(id, run: one.ref, text: "x") }
                    #expect(refused?.code == .conflict)
                }
                for run in [one, two] {
                    #expect(try await runtime.detail(of: run.ref).summary.status == .awaitingInput)
                }
                #expect(fake.requests.count == 2)
                #expect(try await runtime.runtime.reply(nil, run: one.ref, text: "x").result.text == "ok")
            }
        }
    }

    @Test("nobody else can put a question onto a hosted run, and none but its own is answered")
    func foreign() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"), .text("the red one"))
            try await withRuntime(fake: fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                let put = try await refusal {
                    try await runtime.store.humanInput.open(
                        run: run.ref, prompt: "Mine?", context: nil, timeoutSeconds: 600)
                }
                #expect(put?.code == .conflict)
                // Not even one that came onto its record in another way.
                let (key, now) = (run.ref.key, runtime.store.clock.now)
                let stray = HumanRequestID.new(at: now)
                try await runtime.store.committer.write { connection in
                    _ = try connection.run(
                        """
                        INSERT INTO human_requests (id, run_key, status, prompt, created_at, deadline_at)
                        VALUES ($1, $2, 'pending', 'Mine?', $3, $4)
                        """, [.id(stray), .int(key), .time(now), .time(now.advanced(bySeconds: 600))])
                }
                let refused = try await refusal { try await runtime.runtime.reply(stray, run: run.ref, text: "x") }
                #expect(refused?.code == .conflict)
                #expect(try await runtime.detail(of: run.ref).question?.id == run.pause.question?.id)
                #expect(try await runtime.runtime.reply(nil, run: run.ref, text: "red").result.text == "the red one")
                #expect(fake.requests[1].toolResults == ["red"])
            }
        }
    }

    @Test("an answer after which the model asks again, in the same reply or the next, brings the next question")
    func again() async throws {
        try await withFakeProvider { fake in
            fake.play(
                .tools(("ask_human", ["question": "One?"]), ("ask_human", ["question": "Two?"])), .ask("Three?"),
                .text("ok"))
            try await withRuntime(fake: fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                #expect(run.pause.question?.question == "One?")
                var result = try await runtime.runtime.reply(nil, run: run.ref, text: "1").result
                #expect(result.pause?.question?.question == "Two?" && fake.requests.count == 1)
                result = try await runtime.runtime.reply(nil, run: run.ref, text: "2").result
                #expect(result.pause?.question?.question == "Three?")
                #expect(fake.requests[1].toolResults == ["1", "2"])
                result = try await runtime.runtime.reply(nil, run: run.ref, text: "3").result
                #expect(result.text == "ok" && runtime.runtime.activeCount == 0)
            }
        }
    }

    @Test("a question that nobody answers in time fails the run with TIMEOUT")
    func expiry() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"))
            var settings = RuntimeSettings()
            settings.questionSeconds = 600
            try await withRuntime(fake: fake, settings: settings) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                runtime.later(500)
                #expect(try await runtime.detail(of: run.ref).summary.status == .awaitingInput)
                runtime.later(101)
                try await eventually("the end") { try await runtime.detail(of: run.ref).summary.status == .failed }
                #expect(try await runtime.result(of: run.ref).error?.code == .timeout)
                let late = try await refusal { try await runtime.runtime.reply(nil, run: run.ref, text: "x") }
                #expect(late?.code == .conflict && fake.requests.count == 1)
            }
        }
    }

    @Test("a question is answered by the process that was started meanwhile")
    func restart() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"), .text("the red one"))
            try await withStore { store in
                let run = try await withRuntime(fake: fake, on: store) { runtime in
                    try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let detail = try await runtime.detail(of: run.ref)
                    #expect(detail.question?.question == "Which one?" && runtime.runtime.activeCount == 0)
                    let report = try await runtime.runtime.reply(detail.question?.id, run: run.ref, text: "red")
                    #expect(report.result.text == "the red one" && fake.requests[1].toolResults == ["red"])
                }
            }
        }
    }

    @Test("of many answers at once one counts")
    func concurrent() async throws {
        try await withFakeProvider { fake in
            fake.play(.ask("Which one?"), .text("ok"))
            try await withRuntime(fake: fake) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["ask_human"]))
                let engine = runtime.runtime
                let ends = Collected<String>()
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            do {
                                let report = try await engine.reply(nil, run: run.ref, text: "\(number)")
                                ends.add(report.result.text ?? "?")
                            } catch {
                                ends.add((error as? AgentOSError)?.code.wire ?? "?")
                            }
                        }
                    }
                }
                #expect(ends.all.count { $0 == "ok" } == 1 && ends.all.count { $0 == "CONFLICT" } == 7)
                #expect(fake.requests.count == 2)
            }
        }
    }
}

@Suite("Cancelling runs that wait")
struct PausedCancelTests {
    @Test("cancelling closes what the run waits for and frees its session", arguments: ["probe", "ask_human"])
    func cancel(tool: String) async throws {
        try await withFakeProvider { fake in
            fake.play(tool == "probe" ? .probe("a") : .ask("Which one?"), .text("hello again"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let agent = try await runtime.agent(tools: [tool])
                let run = try await runtime.pausedRun(of: agent) { $0.memory = .startSession }
                let session = try #require(run.conversation)
                let busy = try await refusal {
                    try await runtime.say("x", to: agent) { $0.memory = .session(session) }
                }
                #expect(busy?.code == .conflict)
                try await runtime.runtime.cancel(run.ref, reason: "enough")
                let detail = try await runtime.detail(of: run.ref)
                #expect(detail.summary.status == .cancelled && detail.cancelReason == "enough")
                #expect(detail.question == nil && detail.approval == nil)
                #expect(try await runtime.pendingApprovals().isEmpty)
                let late = try await refusal {
                    if let id = run.pause.approvalID { try await runtime.approve(id) }
                    if let question = run.pause.question {
                        _ = try await runtime.runtime.reply(question.id, run: run.ref, text: "x")
                    }
                }
                #expect(late?.code == .conflict && probe.calls.isEmpty)
                // What would have expired is forgotten.
                #expect(try await runtime.store.queue.counts().waiting == 0)
                let next = try await runtime.say("hi", to: agent) { $0.memory = .session(session) }
                #expect(await next.result().text == "hello again")
            }
        }
    }
}
