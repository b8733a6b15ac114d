import AgentOSClient
import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite("Reporting a run with the Swift client")
struct RunReporterTests {
    private func client(_ server: TestServer) throws -> AgentOSClient {
        try AgentOSClient(baseURL: server.baseURL, apiKey: server.reportedKey)
    }

    /// Nothing is sent before it is asked for, but by whole batches.
    private func options(batch: Int) -> RunReporter.Options {
        var options = RunReporter.Options()
        options.batchSize = batch
        options.interval = .seconds(600)
        return options
    }

    private func run(_ reporter: RunReporter, _ server: TestServer) async throws -> JSONValue {
        try await server.send(
            "/api/v1/rpc/runs_get", key: server.workspaceKey, ["run_id": .string("\(reporter.runID)")]
        ).data
    }

    private func events(_ reporter: RunReporter, _ server: TestServer) async throws -> [JSONValue] {
        try await server.send(
            "/api/v1/rpc/runs_get_events", key: server.workspaceKey, ["run_id": .string("\(reporter.runID)")]
        ).data.arrayValue ?? []
    }

    @Test("a run that is begun twice with the same id of its own is one run")
    func start() async throws {
        try await withServer { server in
            let client = try client(server)
            let first = try await client.startRun(
                agent: server.reported.id, trigger: .scheduled, input: ["query": "x"], externalRunID: "order-7")
            let again = try await client.startRun(agent: server.reported.id, externalRunID: "order-7")
            #expect(first.runID == again.runID)
            let other = try await client.startRun(agent: server.reported.id, parentRunID: first.runID)
            #expect(other.runID != first.runID)
            let shown = try await run(first, server)
            #expect(shown["trigger_type"] == "scheduled" && shown["input"]?["query"] == "x")
            #expect(try await run(other, server)["parent_run_id"] == .string("\(first.runID)"))
        }
    }

    @Test("what was emitted is stored when the run has ended, in order, with its result and what it used")
    func complete() async throws {
        try await withServer { server in
            let reporter = try await client(server).startRun(agent: server.reported.id, options: options(batch: 4))
            for number in 0..<9 { reporter.emit("step", level: .warn, payload: ["n": .int(number)]) }
            let now = Timestamp(iso8601: "2026-05-11T12:00:00Z") ?? Timestamp(microseconds: 0)
            let span = reporter.emitSpan("work", kind: "step", started: now, ended: now.advanced(bySeconds: 1.5))
            reporter.emitSpan("part", parent: span, started: now, ended: now)
            try await reporter.complete(output: ["answer": 42], usage: GivenUsage(input: 3, output: 4))
            reporter.emit("too late")
            let found = try await events(reporter, server)
            let steps = found.filter { $0["type"] == "step" }
            #expect(steps.compactMap { $0["payload"]?["n"]?.intValue } == Array(0..<9))
            #expect(steps.allSatisfy { $0["level"] == .string(EventLevel.warn.word) })
            let work = found.first { $0["type"] == "work" }
            #expect(work?["span_id"] == .string(span) && work?["duration_ms"] == 1500)
            let part = found.first { $0["type"] == "part" }
            #expect(part?["parent_span_id"] == .string(span))
            #expect(!found.contains { $0["type"] == "too late" })
            let shown = try await run(reporter, server)
            #expect(shown["status"] == "completed" && shown["output"] == .object(["answer": 42]))
            #expect(shown["input_tokens"] == 3 && shown["output_tokens"] == 4)
            #expect(reporter.droppedEvents == 0)
        }
    }

    @Test("a run that failed says why, one that was given up why not")
    func otherEnds() async throws {
        try await withServer { server in
            let client = try client(server)
            let failed = try await client.startRun(agent: server.reported.id)
            try await failed.fail("It broke.", detail: ["step": 3])
            let cancelled = try await client.startRun(agent: server.reported.id)
            try await cancelled.cancel(reason: "Not needed.")
            let shown = try await run(failed, server)
            #expect(shown["status"] == "failed" && shown["error_message"] == "It broke.")
            #expect(shown["error_detail"] == .object(["step": 3]))
            let other = try await run(cancelled, server)
            #expect(other["status"] == "cancelled" && other["cancel_reason"] == "Not needed.")
        }
    }

    @Test("a batch that is refused for good is given up alone: what comes after it is sent, and the refusal is told")
    func refusedBatch() async throws {
        try await withServer { server in
            let reporter = try await client(server).startRun(agent: server.reported.id, options: options(batch: 2))
            for type in ["one", "two", "three", "", "five", "six", "seven"] { reporter.emit(type) }
            let error = try await refusal { try await reporter.complete() }
            #expect(error?.code == .validation)
            #expect(reporter.droppedEvents == 2)
            let sent = ["one", "two", "three", "five", "six", "seven"]
            let types = try await events(reporter, server).compactMap { $0["type"]?.stringValue }
            #expect(types.filter { sent.contains($0) } == ["one", "two", "five", "six", "seven"])
            #expect(try await run(reporter, server)["status"] == "completed")
        }
    }

    @Test("a refusal in the background is told by the next flush, once")
    func refusedInTheBackground() async throws {
        try await withServer { server in
            let reporter = try await client(server).startRun(agent: server.reported.id, options: options(batch: 1))
            reporter.emit("")
            try await eventually("the refusal") { reporter.droppedEvents == 1 }
            #expect(try await refusal { try await reporter.flush() }?.code == .validation)
            reporter.emit("fine")
            try await reporter.flush()
            try await reporter.complete()
            #expect(try await events(reporter, server).contains { $0["type"] == "fine" })
        }
    }
}

@Suite("What the Swift client makes of strange addresses and answers")
struct ClientFaultTests {
    @Test(
        "a port that nobody can listen at is refused before anything is sent",
        arguments: [
            "http://127.0.0.1:99999", "http://127.0.0.1:0", "http://[::1]:70000/prefix", "https://example.org:http",
            "http://127.0.0.1:99999999999999999999999",
        ])
    func port(url: String) throws {
        do {
            _ = try AgentOSClient(baseURL: url, apiKey: "aos_ws_x")
            Issue.record("\(url) was taken")
        } catch let error as ConnectionError {
            #expect(error.kind == .configuration)
        }
    }

    @Test(
        "other addresses are taken",
        arguments: ["http://[::1]:8080", "http://[::1]", "https://example.org/x/", "http://a:1/b:c"])
    func taken(url: String) throws { _ = try AgentOSClient(baseURL: url, apiKey: "aos_ws_x") }

    @Test(
        "a retry-after that is no number of seconds is passed over", arguments: ["nan", "inf", "-inf", "1e300", "soon"])
    func retryAfter(text: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(status: 429, headers: [("retry-after", text)], body: "busy") }
            let client = try AgentOSClient(baseURL: fake.anthropicBaseURL, apiKey: "aos_ws_x")
            let error = try await refusal { try await client.rpc("agents_list") }
            #expect(error?.code == .rateLimited && error?.retryAfter == nil)
        }
    }
}
