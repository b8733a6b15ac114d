import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

/// A frame with its place, to be compared.
private struct Seen: Equatable {
    let id: FrameID?
    let frame: InvokeFrame
}

extension [RunFrame] {
    fileprivate var seen: [Seen] { map { Seen(id: $0.id, frame: $0.frame) } }
}

extension TestRuntime {
    /// Reads a run's frames behind one of them, up to the one that ends the stream.
    fileprivate func read(_ ref: RunRef, after id: FrameID? = .beginning) async throws -> [RunFrame] {
        try await runtime.stream(ref, after: try #require(id)).read()
    }
}

extension FakeProvider {
    /// Text, two tools, text.
    fileprivate func playTools() {
        play(
            .calls(
                [
                    .init(name: "calculate", arguments: #"{"expression": "1+1"}"#),
                    .init(name: "calculate", arguments: #"{"expression": "1/0"}"#),
                ], text: "Let me see."),
            .text(chunks: ["It ", "is ", "2."]))
    }
}

@Suite("Streams of hosted runs")
struct StreamTests {
    @Test("every frame has an id and ids grow")
    func ids() async throws {
        try await withFakeProvider { fake in
            fake.playTools()
            try await withRuntime(fake: fake) { runtime in
                let (live, stream) = try await runtime.stream(try await runtime.agent(tools: ["calculate"]))
                let frames = try await stream.read()
                #expect(frames.areInOrder)
                #expect(frames.first?.frame == .start(live.ref.id) && frames.last?.frame.isTerminal == true)
                #expect(frames.frames.count { $0.isCall } == 2)
                #expect(frames.frames.compactMap(\.chunk).joined() == "Let me see.It is 2.")
            }
        }
    }

    @Test("after the end a reader gets exactly the rest, from any frame on", arguments: [true, false])
    func afterTheEnd(restarted: Bool) async throws {
        try await withFakeProvider { fake in
            fake.playTools()
            try await withStore { store in
                var told: [RunFrame] = []
                var run: RunRef?
                func compare(_ runtime: TestRuntime) async throws {
                    let ref = try #require(run)
                    let whole = try await runtime.read(ref)
                    #expect(whole.seen == told.seen)
                    for (index, frame) in told.enumerated() {
                        let rest = try await runtime.read(ref, after: frame.id)
                        #expect(rest.seen == Array(told[(index + 1)...]).seen)
                    }
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let (live, stream) = try await runtime.stream(try await runtime.agent(tools: ["calculate"]))
                    (told, run) = (try await stream.read(), live.ref)
                    if !restarted { try await compare(runtime) }
                }
                if restarted { try await withRuntime(fake: fake, on: store) { try await compare($0) } }
            }
        }
    }

    @Test("readers that join while the run goes on get exactly what they have not seen")
    func joining() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text(chunks: ["a ", "b ", "c ", "d"]).waiting(for: gate, after: 2))
            try await withRuntime(fake: fake) { runtime in
                let (live, first) = try await runtime.stream(try await runtime.agent())
                let begun = try await first.read(atMost: 3)
                #expect(begun.frames == [.start(live.ref.id), .chunk("a "), .chunk("b ")])
                let joined = begun.map { runtime.runtime.stream(live.ref, after: $0.id ?? .beginning) }
                gate.open()
                let all = begun + (try await first.read())
                #expect(all.count == 6)
                for (index, stream) in joined.enumerated() {
                    #expect(try await stream.read().seen == Array(all[(index + 1)...]).seen)
                }
            }
        }
    }

    @Test("a reader that keeps up and one that comes late see the same")
    func paces() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text(chunks: ["a ", "b ", "c"]).waiting(for: gate, after: 1))
            try await withRuntime(fake: fake) { runtime in
                let (live, slow) = try await runtime.stream(try await runtime.agent())
                let quick = runtime.runtime.stream(live.ref)
                var seen = try await quick.read(atMost: 2)
                gate.open()
                seen += try await quick.read()
                _ = await live.result()
                #expect(try await slow.read().seen == seen.seen)
                #expect(try await runtime.read(live.ref).seen == seen.seen)
            }
        }
    }

    @Test("a model call that another process makes again is announced: what was read of the first does not count")
    func reset() async throws {
        try await withFakeProvider { fake in
            fake.play(
                .text(chunks: ["half a ", "never"]).waiting(for: FakeGate(), after: 1), .text(chunks: ["The whole."]))
            try await withStore { store in
                let (ref, begun) = try await withRuntime(fake: fake, on: store) { runtime in
                    let (live, stream) = try await runtime.stream(try await runtime.agent())
                    let begun = try await stream.read(atMost: 2)
                    #expect(begun.frames == [.start(live.ref.id), .chunk("half a ")])
                    await runtime.runtime.drain(graceSeconds: 0)
                    let last = try await stream.read()
                    #expect(last.count == 1 && last.first?.frame.failure?.code == .unavailable)
                    return (live.ref, begun)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let rest = try await runtime.read(ref, after: begun.last?.id)
                    #expect(rest.count == 3 && rest.frames.prefix(2) == [.reset, .chunk("The whole.")])
                    #expect(rest.last?.frame.isDone == true && (begun + rest).areInOrder)
                    // The text that does not count is not told to those who come later.
                    #expect(try await runtime.read(ref).seen == (Array(begun.prefix(1)) + rest).seen)
                }
            }
        }
    }

    @Test(
        "a reader that saw the pause gets what follows the decision, in this process or the next",
        arguments: [true, false])
    func pause(restarted: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text(chunks: ["done"]))
            let probe = ProbeTool(requiresApproval: true)
            try await withStore { store in
                var begun: [RunFrame] = []
                var run: RunRef?
                func goOn(_ runtime: TestRuntime) async throws {
                    let ref = try #require(run)
                    // Who begins before the pause ends with it, here as there.
                    #expect(try await runtime.read(ref).seen == begun.seen)
                    let id = try #require(begun.last?.frame.approvalID)
                    let stream = runtime.runtime.stream(ref, after: try #require(begun.last?.id))
                    try await runtime.approve(id)
                    let rest = try await stream.read()
                    #expect(
                        rest.frames.dropLast() == [
                            .tool(.calling, name: "probe"), .tool(.returned, name: "probe"), .chunk("done"),
                        ])
                    #expect(rest.last?.frame.isDone == true && (begun + rest).areInOrder)
                    // A pause that is over is not told again.
                    #expect(try await runtime.read(ref).seen == (Array(begun.dropLast()) + rest).seen)
                }
                try await withRuntime(fake: fake, tools: [probe], on: store) { runtime in
                    let (live, stream) = try await runtime.stream(try await runtime.agent(tools: ["probe"]))
                    (begun, run) = (try await stream.read(), live.ref)
                    if !restarted { try await goOn(runtime) }
                }
                if restarted { try await withRuntime(fake: fake, tools: [probe], on: store) { try await goOn($0) } }
            }
        }
    }

    @Test(
        "a pause has the time from the start to the request, whoever asks and however late", arguments: [true, false])
    func durationOfPause(question: Bool) async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            let step: FakeStep = question ? .ask("Which?") : .probe("a", "b")
            fake.play(step.waiting(for: gate, after: 0))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let agent = try await runtime.agent(tools: ["probe", "ask_human"])
                let (live, stream) = try await runtime.stream(agent)
                await fake.waitForRequests(1)
                runtime.store.clock.advance(bySeconds: 3)
                gate.open()
                let told = try await stream.read()
                func duration(_ result: RunResult) -> Int? {
                    if case .paused(_, let duration) = result { duration } else { nil }
                }
                #expect(duration(await live.result()) == 3000)
                runtime.store.clock.advance(bySeconds: 60)
                #expect(try await duration(runtime.result(of: live.ref)) == 3000)
                #expect(try await runtime.read(live.ref).seen == told.seen)
                guard !question else { return }
                try await runtime.approve(try #require(told.last?.frame.approvalID))
                #expect(try await duration(runtime.result(of: live.ref)) == 3000)
            }
        }
    }

    @Test("a reader who waits for a paused run is told at once that the server stops, and the run stays paused")
    func drainedWhilePaused() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"))
            try await withRuntime(fake: fake, tools: [ProbeTool(requiresApproval: true)]) { runtime in
                let (live, first) = try await runtime.stream(try await runtime.agent(tools: ["probe"]))
                let seen = try #require(try await first.read().last?.id)
                let (engine, ref) = (runtime.runtime, live.ref)
                let reader = Task { _ = try await engine.stream(ref, after: seen).next(seconds: 30) }
                await engine.drain(graceSeconds: 0)
                let error = await #expect(throws: AgentOSError.self) { try await reader.value }
                #expect(error?.code == .unavailable && error?.runID == ref.id)
                #expect(try await runtime.detail(of: ref).summary.status == .awaitingApproval)
            }
        }
    }

    @Test("a reader that saw a question gets the next one, and then the end")
    func questions() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("ask_human", ["question": "One?"]), ("ask_human", ["question": "Two?"])), .text("ok"))
            try await withRuntime(fake: fake) { runtime in
                let (live, first) = try await runtime.stream(try await runtime.agent(tools: ["ask_human"]))
                var all = try await first.read()
                for answer in ["1", "2"] {
                    let stream = runtime.runtime.stream(live.ref, after: try #require(all.last?.id))
                    _ = try await runtime.runtime.reply(nil, run: live.ref, text: answer)
                    all += try await stream.read()
                }
                #expect(all.frames.compactMap(\.question?.question) == ["One?", "Two?"])
                #expect(all.last?.frame.isDone == true && all.areInOrder)
            }
        }
    }

    @Test("a failed run and a cancelled one end their streams alike live and later", arguments: [true, false])
    func ends(cancelled: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(cancelled ? .text("never").waiting(for: FakeGate(), after: 0) : .error(400, "no such thing"))
            try await withRuntime(fake: fake) { runtime in
                let (live, stream) = try await runtime.stream(try await runtime.agent())
                await fake.waitForRequests(1)
                if cancelled { try await runtime.runtime.cancel(live.ref, reason: nil) }
                let frames = try await stream.read()
                let error = try #require(frames.last?.frame.failure)
                #expect(error.code == (cancelled ? .conflict : .provider) && error.runID == live.ref.id)
                #expect(try await runtime.read(live.ref).seen == frames.seen)
                #expect(try await runtime.read(live.ref, after: frames.last?.id).isEmpty)
            }
        }
    }

    @Test("the text of a model call that came to no reply is told later as it was told live", arguments: [true, false])
    func unfinished(cancelled: Bool) async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text(chunks: ["one é ", "two ", "three ", "never"]).waiting(for: gate, after: 2).cut(after: 3))
            try await withStore { store in
                let (ref, told) = try await withRuntime(fake: fake, on: store) { runtime in
                    let (live, stream) = try await runtime.stream(try await runtime.agent())
                    var told = try await stream.read(atMost: 3)
                    #expect(told.frames == [.start(live.ref.id), .chunk("one é "), .chunk("two ")])
                    if cancelled { try await runtime.runtime.cancel(live.ref, reason: nil) } else { gate.open() }
                    told += try await stream.read()
                    #expect(told.last?.frame.failure?.code == (cancelled ? .conflict : .provider) && told.areInOrder)
                    #expect(try await runtime.read(live.ref).seen == told.seen)
                    return (live.ref, told)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let whole = try await runtime.read(ref)
                    #expect(whole.seen == told.seen)
                    for (index, frame) in told.enumerated() {
                        let rest = try await runtime.read(ref, after: frame.id)
                        #expect(rest.seen == Array(told[(index + 1)...]).seen)
                    }
                }
            }
        }
    }

    @Test(
        "when another model takes over, text of the first does not count, live or later, however the second fares",
        arguments: [true, false])
    func takenOver(breaksOffToo: Bool) async throws {
        try await withFakeProvider { fake in
            let (gate, second) = (FakeGate(), FakeGate())
            fake.answer { request in
                guard request.model == "claude-spare" else {
                    return .text(chunks: ["half a ", "word ", "never"]).waiting(for: gate, after: 1).cut(after: 2)
                }
                let step = FakeStep.text(chunks: ["The ", "whole ", "text."])
                return breaksOffToo ? step.waiting(for: second, after: 1).cut(after: 2) : step
            }
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent { $0.fallbackModels = ["claude-spare"] }
                let (live, stream) = try await runtime.stream(agent)
                var told = try await stream.read(atMost: 2)
                #expect(told.frames == [.start(live.ref.id), .chunk("half a ")])
                gate.open()
                while !told.frames.contains(.chunk("The ")) { told += try await stream.read(atMost: 1) }
                second.open()
                told += try await stream.read()
                let reset = try #require(told.frames.firstIndex(of: .reset))
                #expect(told.frames[reset...].contains(.chunk("The ")) && told.areInOrder)
                #expect(breaksOffToo ? told.last?.frame.failure?.code == .provider : told.last?.frame.isDone == true)
                let rest = Array(told[reset...])
                #expect(try await runtime.read(live.ref).seen == (Array(told.prefix(1)) + rest).seen)
                #expect(try await runtime.read(live.ref, after: told[reset - 1].id).seen == rest.seen)
                for (index, frame) in rest.enumerated() {
                    #expect(try await runtime.read(live.ref, after: frame.id).seen == Array(rest[(index + 1)...]).seen)
                }
            }
        }
    }
}
