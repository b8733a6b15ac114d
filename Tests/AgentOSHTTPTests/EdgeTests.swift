import AgentOSClient
import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite("The edge, over a socket")
struct EdgeTests {
    private func start(_ server: TestServer, key: String? = nil) async throws -> String {
        let answer = try await server.send(
            "/api/ingest/v1/run/start", key: key ?? server.reportedKey, ["agent_id": .string("\(server.reported.id)")])
        return try #require(answer.data["run_id"]?.stringValue)
    }

    @Test("the key is looked at before the body, the kind of key before its shape, the shape before the object")
    func order() async throws {
        try await withServer { server in
            let path = "/api/ingest/v1/run/complete"
            let garbage = Array("not json".utf8)
            let run = JSONValue.object(["run_id": .string("\(RunID.new(at: Timestamp(microseconds: 0)))")])
            #expect(try await server.send("POST", path, key: "nope", body: garbage).errorCode == "UNAUTHENTICATED")
            #expect(try await server.send("POST", path, key: server.userKey, body: garbage).errorCode == "FORBIDDEN")
            #expect(
                try await server.send("POST", path, key: server.reportedKey, body: garbage).errorCode
                    == "VALIDATION_ERROR")
            #expect(try await server.send(path, key: server.reportedKey, run).errorCode == "NOT_FOUND")
            let mine = try await start(server)
            let foreign = try await server.send(path, key: server.hostedKey, ["run_id": .string(mine)])
            #expect(foreign.status == 403 && foreign.errorCode == "FORBIDDEN")
        }
    }

    @Test(
        "unknown paths and wrong verbs are answered in the envelope",
        arguments: [
            ("POST", "/api/nope", 404), ("POST", "/api/v1/rpc/no_such_method", 404),
            ("GET", "/api/v1/rpc/agents_list", 405),
            ("PUT", "/api/ingest/v1/events", 405), ("POST", "/api/v1/agents/nonsense/invoke", 404),
        ])
    func paths(method: String, path: String, status: Int) async throws {
        try await withServer { server in
            let answer = try await server.send(method, path, key: server.workspaceKey, body: Array("{}".utf8))
            #expect(answer.status == status && answer.errorCode != nil && answer.data == .null)
            #expect(status != 405 || answer.header("allow") == "POST")
        }
    }

    @Test("a request id is echoed or made, and limits are told on every answer")
    func headers() async throws {
        try await withServer { server in
            let given = try await server.send(
                "POST", "/api/v1/rpc/agents_list", key: server.workspaceKey, headers: [("x-request-id", "trace-1")],
                body: Array("{}".utf8))
            #expect(given.header("x-request-id") == "trace-1")
            #expect(given.header("x-ratelimit-limit") == "6000" && given.header("x-ratelimit-remaining") == "5999")
            #expect(try await server.send("GET", "/healthz").header("x-request-id")?.isEmpty == false)
        }
    }

    @Test("a limited call has no effect and says when to come back")
    func limited() async throws {
        try await withServer {
            $0.ingestLimit = 3
        } _: { server in
            for _ in 0..<3 { _ = try await start(server) }
            let refused = try await server.send(
                "/api/ingest/v1/run/start", key: server.reportedKey, ["agent_id": .string("\(server.reported.id)")])
            #expect(refused.status == 429 && Int(refused.header("retry-after") ?? "") ?? 0 >= 1)
            #expect(try await server.store.count("runs") == 3)
            _ = try await start(server, key: server.workspaceKey)
        }
    }

    @Test("a body over the limit is refused and nothing is stored")
    func tooLarge() async throws {
        try await withServer {
            $0.maximumBody = 2000
        } _: { server in
            let run = try await start(server)
            let body = Array(
                #"{"run_id":"\#(run)","events":[{"type":"\#(String(repeating: "x", count: 3000))"}]}"#.utf8)
            let answer = try await server.send("POST", "/api/ingest/v1/events", key: server.reportedKey, body: body)
            #expect(answer.status == 413 && answer.errorCode == "PAYLOAD_TOO_LARGE")
            #expect(try await server.store.count("event_chunks") == 0)
        }
    }

    @Test("stored events are answered with their place, and come back as they were sent")
    func events() async throws {
        try await withServer { server in
            let run = try await start(server)
            let body = Array(
                #"{"run_id":"\#(run)","events":[{"type":"a","payload":{"n":12345678901234567890}},{"type":"b"}]}"#.utf8)
            let answer = try await server.send("POST", "/api/ingest/v1/events", key: server.reportedKey, body: body)
            #expect(answer.data == ["accepted": 2, "first_sequence": 1, "last_sequence": 2])
            let listed = try await server.send(
                "/api/v1/rpc/runs_get_events", key: server.workspaceKey, ["run_id": .string(run)])
            #expect(listed.data.arrayValue?.first?["payload"]?["n"] == .number("12345678901234567890"))
            let metrics = try await server.send("GET", "/metrics").text
            #expect(metrics.contains("agentos_ingest_events_total 2\n"))
        }
    }

    @Test("numbers are told as Prometheus reads them: a histogram has its buckets, its sum and its count")
    func histograms() async throws {
        try await withServer { server in
            let lines = try await server.send("GET", "/metrics").text.split(separator: "\n")
            #expect(lines.contains("# TYPE agentos_test_gauge gauge"))
            #expect(lines.contains("agentos_test_gauge{kind=\"one\"} 1.5"))
            #expect(lines.contains("# TYPE agentos_test_sizes histogram"))
            #expect(
                lines.filter { $0.hasPrefix("agentos_test_sizes") } == [
                    "agentos_test_sizes_bucket{le=\"1\"} 2", "agentos_test_sizes_bucket{le=\"3\"} 2",
                    "agentos_test_sizes_bucket{le=\"+Inf\"} 3", "agentos_test_sizes_sum 9",
                    "agentos_test_sizes_count 3",
                ])
        }
    }

    @Test("a streamed invoke is data lines from start to done")
    func stream() async throws {
        try await withServer { server in
            let answer = try await server.send(
                "/api/v1/agents/\(server.hosted.id)/invoke", key: server.hostedKey,
                ["input": ["message": "Hello"], "stream": true])
            #expect(answer.header("content-type") == "text/event-stream")
            let kinds = answer.frames.compactMap { $0["type"]?.stringValue }
            #expect(
                kinds.first == "start" && kinds.last == "done" && kinds.count { $0 == "done" || $0 == "error" } == 1)
            #expect(answer.text.split(separator: "\n").allSatisfy { $0.hasPrefix("data: {") || $0.hasPrefix("id: ") })
        }
    }

    @Test("a path with a malformed id is judged in its turn: behind the key and the kind of key")
    func malformedIDs() async throws {
        try await withServer { server in
            let paths = ["/api/v1/agents/nope/invoke", "/api/v1/runs/nope/reply", "/api/v1/approvals/nope/decide"]
            let body: JSONValue = [
                "input": [:], "request_id": .string("\(server.hosted.id)"), "response": "x", "decision": "approve",
            ]
            for path in paths {
                #expect(try await server.send(path, key: nil, body).status == 401)
                #expect(try await server.send(path, key: server.workspaceKey, body).status == 404)
            }
            #expect(try await server.send("/api/v1/runs/nope/reply", key: server.hostedKey, [:]).status == 403)
            let unreadable = try await server.send("/api/v1/rpc/agents_list", key: server.hostedKey, "no object")
            #expect(unreadable.status == 403)
            // The same words on every road, and not those of a workspace that is not there.
            for path in ["/api/v1/rpc/agents_list", "/api/mcp"] {
                let told = try await server.send(path, key: server.hostedKey, [:]).json["error"]?["message"]
                #expect(told?.stringValue?.hasPrefix("An agent key cannot be used here") == true, "\(path)")
            }
        }
    }

    @Test("a version of MCP that is not spoken here is refused by its header")
    func protocolVersion() async throws {
        try await withServer { server in
            let ping = Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8)
            for (version, status) in [("2025-06-18", 200), ("2024-11-05", 200), ("1999-01-01", 400)] {
                let answer = try await server.send(
                    "POST", "/api/mcp", key: server.workspaceKey, headers: [("mcp-protocol-version", version)],
                    body: ping)
                #expect(answer.status == status, "\(version)")
            }
        }
    }

    @Test("a poll that waits is answered by the reply, and one that nobody answers says pending")
    func humanInput() async throws {
        try await withServer {
            $0.pollSeconds = 0.05
        } _: { server in
            let run = try await start(server)
            let ask: JSONObject = ["run_id": .string(run), "prompt": "Go on?", "timeout_seconds": 600]
            let pending = try await server.send(
                "/api/ingest/v1/human-input/request", key: server.reportedKey, .object(ask))
            #expect(pending.status == 202 && pending.data["status"] == "pending")
            let id = try #require(pending.data["request_id"])
            let reply = try await server.send(
                "/api/v1/runs/\(run)/human-input", key: server.workspaceKey, ["response": "yes"])
            #expect(reply.status == 200 && reply.data["output"] == .null)
            var again = ask
            again["request_id"] = id
            let answered = try await server.send(
                "/api/ingest/v1/human-input/request", key: server.reportedKey, .object(again))
            #expect(answered.data == .object(["request_id": id, "input": "yes"]))
        }
    }

    @Test("the Swift client reports, invokes, streams and calls the control plane")
    func client() async throws {
        try await withServer { server in
            let client = try AgentOSClient(baseURL: server.baseURL, apiKey: server.workspaceKey)
            let agents = try await client.rpc("agents_list", [:]).data.arrayValue
            #expect(agents?.count == 2)
            let result = try await client.invoke(agent: server.hosted.id, body: ["input": ["message": "Hi"]])
            #expect(result["output"]?.text.contains("demo") == true)
            var kinds: [String] = []
            for try await frame in client.invokeStream(agent: server.hosted.id, body: ["input": ["message": "Hi"]]) {
                kinds.append(frame["type"]?.stringValue ?? "")
            }
            #expect(kinds.first == "start" && kinds.last == "done")
            let missing = try await refusal {
                try await client.rpc("runs_get", ["run_id": .string("\(RunID.new(at: Timestamp(microseconds: 0)))")])
            }
            #expect(missing?.code == .notFound)
        }
    }
}
