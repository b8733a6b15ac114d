import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite("The life of a hosted run")
struct LifeTests {
    @Test("cancelling reaches the model call, the caller and the record")
    func cancel() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0))
            try await withRuntime(fake: fake) { runtime in
                let live = try await runtime.say("go", to: try await runtime.agent())
                await fake.waitForRequests(1)
                try await runtime.runtime.cancel(live.ref, reason: "enough")
                #expect(await live.result().error?.code == .conflict)
                await fake.waitUntilClientLeft()
                let run = try await runtime.detail(live)
                #expect(run.summary.status == .cancelled && run.cancelReason == "enough")
                #expect(try await runtime.events(live).types.suffix(2) == ["run.cancelled", "Tester"])
                // Once more is fine; the run stays as it is.
                try await runtime.runtime.cancel(live.ref, reason: "again")
                #expect(try await runtime.detail(live).cancelReason == "enough")
            }
        }
    }

    @Test("cancelling a run that has ended is a conflict")
    func cancelEnded() async throws {
        try await withRuntime { runtime in
            let live = try await runtime.say("hi", to: try await runtime.agent(.demo))
            _ = await live.result()
            #expect(try await refusal { try await runtime.runtime.cancel(live.ref, reason: nil) }?.code == .conflict)
        }
    }

    @Test("a stream begins with start, carries the text as it comes and ends with one terminal frame")
    func stream() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text(chunks: ["first ", "second"]).waiting(for: gate))
            try await withRuntime(fake: fake) { runtime in
                let (live, frames) = try await runtime.stream(try await runtime.agent())
                let first = try await frames.read(atMost: 2).map(\.frame)
                #expect(first == [.start(live.ref.id), .chunk("first ")])
                gate.open()
                let rest = try await frames.read().map(\.frame)
                #expect(rest.first == .chunk("second") && rest.count == 2)
            }
        }
    }

    @Test("a watcher that leaves does not stop the run")
    func watcherLeaves() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("still done").waiting(for: gate, after: 0))
            try await withRuntime(fake: fake) { runtime in
                let live = try #require(
                    try await runtime.runtime.invoke(try await runtime.agent(), InvokeRequest(stream: true)).live)
                let engine = runtime.runtime
                let reader = Task { _ = try await engine.stream(live.ref).next(seconds: 60) }
                await fake.waitForRequests(1)
                reader.cancel()
                gate.open()
                #expect(await live.result().output == ["text": "still done"])
            }
        }
    }

    @Test("draining tells the caller and leaves the run open; the next process makes the model call again and ends it")
    func drain() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("never").waiting(for: FakeGate(), after: 0), .text("after all"))
            try await withStore { store in
                let (id, workspace) = try await withRuntime(fake: fake, on: store) { runtime in
                    let agent = try await runtime.agent()
                    let live = try await runtime.say("go", to: agent) { $0.memory = .startSession }
                    await fake.waitForRequests(1)
                    await runtime.runtime.drain(graceSeconds: 0)
                    let error = await live.result().error
                    #expect(error?.code == .unavailable && error?.runID == live.ref.id)
                    #expect(try await runtime.detail(live).summary.status == .running)
                    #expect(try await refusal { try await runtime.say("more", to: agent) }?.code == .unavailable)
                    return (live.ref.id, live.ref.workspaceKey)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let ref = try await runtime.store.runs.ref(id, workspace: workspace)
                    let report = try await runtime.runtime.outcome(of: ref)
                    #expect(report.result.output == ["text": "after all"])
                    let types = try await runtime.store.events(ref).map(\.json).types
                    #expect(types.count { $0 == "llm.request" } == 1 && types.contains("run.resumed"))
                }
            }
        }
    }

    @Test("a session replays its turns, is refused while busy and keeps no turn of a failed run")
    func session() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(
                .text("Hello Ada."), .error(400), .text("Ada.").waiting(for: gate, after: 0), .text("Still."))
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let first = try await runtime.say("I am Ada.", to: agent) { $0.memory = .startSession }
                _ = await first.result()
                let id = try #require(first.conversation)
                _ = await (try runtime.say("broken", to: agent) { $0.memory = .session(id) }).result()
                let second = try await runtime.say("Who am I?", to: agent) { $0.memory = .session(id) }
                await fake.waitForRequests(3)
                let busy = try await refusal { try await runtime.say("x", to: agent) { $0.memory = .session(id) } }
                #expect(busy?.code == .conflict)
                gate.open()
                _ = await second.result()
                _ = await (try runtime.say("Sure?", to: agent) { $0.memory = .session(id) }).result()
                #expect(fake.requests[3].messages.count == 5)
                #expect(!(fake.requests[3].messages.contains { $0.text.contains("broken") }))
                let stored = try await runtime.store.conversations.get(
                    id, workspace: agent.workspaceKey, messageLimit: 100)
                #expect(
                    stored.messages.map(\.content) == [
                        "I am Ada.", "Hello Ada.", "Who am I?", "Ada.", "Sure?", "Still.",
                    ])
            }
        }
    }

    @Test("invoke_agent makes a child run; a child that fails is a failed tool")
    func child() async throws {
        try await withFakeProvider { fake in
            try await withRuntime(fake: fake) { runtime in
                let child = try await runtime.agent { $0.systemPrompt = "child" }
                let parent = try await runtime.agent(tools: ["invoke_agent"]) { $0.systemPrompt = "parent" }
                fake.answer { request in
                    if request.system == "child" {
                        return request.lastUserText == "fail" ? .error(400) : .text("from the child")
                    }
                    if request.toolResults.isEmpty {
                        return .tools(
                            ("invoke_agent", ["agent_id": .string("\(child.id)"), "input": ["q": "work"]]),
                            ("invoke_agent", ["agent_id": .string("\(child.id)"), "input": ["q": "fail"]]))
                    }
                    return .text(request.toolResults.joined(separator: " | "))
                }
                let live = try await runtime.say("go", to: parent)
                let output = await live.result().output?["text"]?.stringValue
                #expect(output?.contains("from the child") == true)
                let runs = try await runtime.store.runs.list(
                    workspace: child.workspaceKey, RunFilter(agentKey: child.key)
                ).items
                #expect(
                    runs.count == 2 && runs.allSatisfy { $0.parentRunID == live.ref.id && $0.triggerType == .agent })
                #expect(try await runtime.events(live).types.count { $0 == "tool.failed" } == 1)
            }
        }
    }

    @Test("read_url gives the readable text of a page and none of its scripts")
    func readURL() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in
                .raw(
                    contentType: "text/html; charset=utf-8",
                    body: """
                        <html><head><title>Prices</title><style>p{}</style></head><body><script>steal()</script>
                        <h1>Fruit &amp; more</h1><ul><li>Äpfel</li><li>Pears</li></ul><p>Open  <b>daily</b></p></body></html>
                        """)
            }
            fake.play(.tools(("read_url", ["url": .string(fake.anthropicBaseURL + "/page")])), .text("ok"))
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                _ = await (try runtime.say("go", to: try await runtime.agent(tools: ["read_url"]))).result()
                let text = try #require(try JSONParser.parse(fake.requests[1].toolResults[0])["text"]?.stringValue)
                #expect(text == "Prices\nFruit & more\n- Äpfel\n- Pears\nOpen daily\n")
            }
        }
    }
}
