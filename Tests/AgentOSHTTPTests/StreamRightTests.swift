import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

/// How a personal key comes to lose a workspace while it reads.
enum LostRight: CaseIterable {
    case revoked, removed

    var code: JSONValue { self == .revoked ? "UNAUTHENTICATED" : "FORBIDDEN" }
}

extension TestServer {
    fileprivate func rpc(_ method: String, key: String? = nil, _ body: JSONObject = JSONObject()) async throws
        -> JSONValue
    {
        let answer = try await send("/api/v1/rpc/\(method)", key: key ?? userKey, .object(body))
        #expect(answer.status == 200, "\(method): \(answer.text)")
        return answer.data
    }

    /// A viewer's key.
    fileprivate func viewer() async throws -> String { try await store.key(user: try await store.member(.viewer)) }

    fileprivate func take(_ loss: LostRight, from viewer: String) async throws {
        switch loss {
        case .revoked:
            let principal = try #require(try await store.keys.principal(of: viewer))
            _ = try await rpc("keys_revoke_user", key: viewer, ["key_id": .string("\(principal.keyID)")])
        case .removed:
            let members = try await rpc("members_list")["members"]?.arrayValue ?? []
            let member = try #require(members.first { $0["role"] == "viewer" }?["id"])
            _ = try await rpc("members_remove", ["member_id": member])
        }
    }

    /// A run that this test reports, with its first event.
    fileprivate func reportedRun() async throws -> String {
        let body: JSONValue = ["agent_id": .string("\(reported.id)")]
        let answer = try await send("/api/ingest/v1/run/start", key: reportedKey, body)
        return try #require(answer.data["run_id"]?.stringValue)
    }

    fileprivate func report(_ type: String, _ run: String) async throws {
        let body: JSONValue = ["run_id": .string(run), "events": [["type": .string(type)]]]
        #expect(try await send("/api/ingest/v1/events", key: reportedKey, body).status == 200)
    }
}

@Suite("Streams of a key that loses its right")
struct StreamRightTests {
    @Test("a tail ends with an error, at once, and shows nothing that comes later", arguments: LostRight.allCases)
    func tail(loss: LostRight) async throws {
        try await withServer { server in
            let (viewer, run) = (try await server.viewer(), try await server.reportedRun())
            async let answer = server.send("GET", "/api/v1/tail", key: viewer)
            try await eventually("the tail") { server.store.keys.losses.count == 1 }
            try await server.report("before", run)
            try await server.take(loss, from: viewer)
            try await server.report("after", run)
            let frames = try await answer.frames
            #expect(frames.last?["type"] == "error" && frames.last?["code"] == loss.code)
            #expect(!frames.contains { $0["type"] == "after" })
            #expect(server.store.keys.losses.count == 0 && server.parts.feed.count == 0)
        }
    }

    @Test("a run's stream ends with an error while the run goes on", arguments: LostRight.allCases)
    func runStream(loss: LostRight) async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("one two three").waiting(for: gate, after: 1))
            try await withServer(fake: fake) { server in
                let agent = try await server.store.agent("Tester", runtime: .hosted) {
                    $0.providerType = .anthropic
                    $0.model = "test-model"
                }
                let begun = try await server.send(
                    "/api/v1/agents/\(agent.id)/invoke", key: server.workspaceKey,
                    ["input": ["q": "x"], "background": true])
                let run = try #require(begun.data["run_id"]?.stringValue)
                let viewer = try await server.viewer()
                async let answer = server.send("GET", "/api/v1/runs/\(run)/stream", key: viewer)
                async let other = server.send("GET", "/api/v1/runs/\(run)/stream", key: server.workspaceKey)
                try await eventually("the streams") { server.store.keys.losses.count == 2 }
                try await server.take(loss, from: viewer)
                let frames = try await answer.frames
                #expect(frames.last?["type"] == "error" && frames.last?["code"] == loss.code)
                gate.open()
                // Who kept the right reads on.
                let rest = try await other.frames
                #expect(rest.last?["type"] == "done")
                #expect(server.store.keys.losses.count == 0)
            }
        }
    }

    @Test("other people's losses end no stream")
    func others() async throws {
        try await withServer { server in
            let (viewer, run) = (try await server.viewer(), try await server.reportedRun())
            async let answer = server.send("GET", "/api/v1/tail", key: server.workspaceKey) {
                $0.frames.contains { $0["type"] == "after" }
            }
            try await eventually("the tail") { server.store.keys.losses.count == 1 }
            try await server.take(.revoked, from: viewer)
            try await server.report("after", run)
            let frames = try await answer.frames
            #expect(frames.map { $0["type"] } == ["after"])
        }
    }

    @Test("a poll whose key is revoked meanwhile is not given the answer")
    func poll() async throws {
        try await withServer { server in
            let run = try await server.reportedRun()
            let ask: JSONValue = ["run_id": .string(run), "prompt": "Go on?", "timeout_seconds": 600]
            async let poll = server.send("/api/ingest/v1/human-input/request", key: server.reportedKey, ask)
            try await eventually("the poll") { server.store.humanInput.bell.count == 1 }
            let principal = try #require(try await server.store.keys.principal(of: server.reportedKey))
            _ = try await server.rpc("api_keys_revoke", ["key_id": .string("\(principal.keyID)")])
            let reply = try await server.send(
                "/api/v1/runs/\(run)/human-input", key: server.workspaceKey, ["response": "yes"])
            #expect(reply.status == 200)
            let polled = try await poll
            #expect(polled.status == 401 && polled.errorCode == "UNAUTHENTICATED")
        }
    }
}
