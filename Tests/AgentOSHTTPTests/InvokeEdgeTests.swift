import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Invokes, over a socket")
struct InvokeEdgeTests {
    private func tester(_ server: TestServer, tools: [String] = []) async throws -> Agent {
        try await server.store.agent("Tester", runtime: .hosted) {
            $0.providerType = .anthropic
            $0.model = "test-model"
            $0.tools = tools
        }
    }

    /// A background invoke that begins a conversation, always with the same key.
    private func invoke(_ agent: Agent, _ server: TestServer) async throws -> RawAnswer {
        let body: JSONValue = ["input": ["q": "x"], "background": true, "start_session": true]
        return try await server.send(
            "POST", "/api/v1/agents/\(agent.id)/invoke", key: server.workspaceKey,
            headers: [("idempotency-key", "order-1")], body: body.encoded)
    }

    /// Sends it again until its run does not go on any more.
    private func settled(_ agent: Agent, _ server: TestServer) async throws -> RawAnswer {
        let answers = Collected<RawAnswer>()
        try await eventually("the end") {
            let answer = try await invoke(agent, server)
            answers.add(answer)
            return answer.data["status"] != "running"
        }
        return try #require(answers.all.last)
    }

    @Test("a background invoke that is sent again says that its run goes on, and in the end what came of it")
    func background() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("done").waiting(for: gate, after: 0))
            try await withServer(fake: fake) { server in
                let agent = try await tester(server)
                let first = try await invoke(agent, server)
                #expect(first.status == 202 && first.data["status"] == "running")
                let session = try #require(first.data["session_id"])
                await fake.waitForRequests(1)
                let going = try await invoke(agent, server)
                #expect(going.status == 202 && going.data == first.data)
                gate.open()
                let over = try await settled(agent, server)
                #expect(over.status == 200 && over.data["output"] == ["text": "done"])
                #expect(over.data["run_id"] == first.data["run_id"] && over.data["session_id"] == session)
                #expect(fake.requests.count == 1)
            }
        }
    }

    @Test("sent again, a background invoke tells that its run waits, or has failed", arguments: [true, false])
    func backgroundStopped(waits: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(waits ? .tools(("ask_human", ["question": "Go on?"])) : .error(429, "no", retryAfter: "3600"))
            try await withServer(fake: fake) { server in
                let agent = try await tester(server, tools: ["ask_human"])
                let first = try await invoke(agent, server)
                let again = try await settled(agent, server)
                if waits {
                    #expect(again.status == 202 && again.data["run_id"] == first.data["run_id"])
                    #expect(again.data["awaiting_input"]?["question"] == "Go on?")
                } else {
                    #expect(again.status == 502 && again.errorCode == "PROVIDER_ERROR")
                    #expect(again.json["error"]?["run_id"] == first.data["run_id"])
                    #expect(again.header("retry-after") == "3600")
                }
            }
        }
    }

    @Test("a stream goes on behind a frame that it has, and behind no other")
    func lastFrame() async throws {
        try await withServer { server in
            let run = try await server.send(
                "/api/v1/agents/\(server.hosted.id)/invoke", key: server.workspaceKey, ["input": ["q": "x"]])
            let id = try #require(run.data["run_id"]?.stringValue)
            func read(after frame: String?) async throws -> RawAnswer {
                try await server.send(
                    "GET", "/api/v1/runs/\(id)/stream", key: server.workspaceKey,
                    headers: frame.map { [("last-event-id", $0)] } ?? [])
            }
            let whole = try await read(after: nil)
            let ids = whole.text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
            #expect(ids.count == whole.frames.count && ids.count > 1)
            for (index, frame) in ids.enumerated() {
                let rest = try await read(after: frame)
                #expect(rest.status == 200 && rest.frames == Array(whole.frames.dropFirst(index + 1)))
            }
            let end = try #require(ids.last?.split(separator: "-").first.flatMap { Int($0) })
            for frame in ["\(end + 1)-1", "99-99", "x", "1", "-1-1"] {
                let refused = try await read(after: frame)
                #expect(refused.status == 400 && refused.errorCode == "VALIDATION_ERROR")
                #expect(refused.text.contains("Last-Event-ID"))
            }
        }
    }

    @Test("a question cannot be reported for a run that the server executes, and the run's own is answered")
    func foreignQuestion() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("ask_human", ["question": "Go on?"])), .text("thanks"))
            try await withServer(fake: fake) { server in
                let agent = try await tester(server, tools: ["ask_human"])
                let paused = try await server.send(
                    "/api/v1/agents/\(agent.id)/invoke", key: server.workspaceKey, ["input": ["q": "x"]])
                let run = try #require(paused.data["run_id"]?.stringValue)
                let refused = try await server.send(
                    "/api/ingest/v1/human-input/request", key: server.workspaceKey,
                    ["run_id": .string(run), "prompt": "Mine?", "timeout_seconds": 60])
                #expect(refused.status == 409 && refused.errorCode == "CONFLICT")
                let answered = try await server.send(
                    "/api/v1/runs/\(run)/human-input", key: server.workspaceKey, ["response": "yes"])
                #expect(answered.status == 200 && answered.data["output"] == ["text": "thanks"])
            }
        }
    }
}
