import AgentOSCore
import AgentOSWire
import Testing

@Suite struct RenderingTests {
    private let run = RunID(UUIDBits(high: 0x0190_a3f2_1b2c_7d3e, low: 0x8f40_5162_7384_95a6))

    private func rendered(_ event: String, suffix: String = "") throws -> JSONValue {
        var out = JSONWriter()
        var renderer = EventRenderer(run: run, suffix: Array(suffix.utf8))
        renderer.append(
            StoredEvent(
                sequence: 7, createdAt: Timestamp(microseconds: 1_778_529_600_000_999), raw: Array(event.utf8)[...]),
            to: &out)
        return try JSONParser.parse(out.bytes)
    }

    @Test("an event without optional members shows them as null and by their defaults")
    func bare() throws {
        let event = try rendered(#"{"type":"a"}"#)
        #expect(
            event.objectValue?.keys == [
                "id", "run_id", "sequence_number", "type", "level", "payload", "occurred_at", "span_id",
                "parent_span_id", "kind", "started_at",
                "ended_at", "duration_ms", "created_at",
            ])
        #expect(
            event["run_id"] == .string("\(run)") && event["sequence_number"] == 7 && event["level"] == "info"
                && event["payload"] == [:])
        #expect(event["occurred_at"] == "2026-05-11T20:00:00.000Z" && event["created_at"] == "2026-05-11T20:00:00.000Z")
        for name in ["span_id", "parent_span_id", "kind", "started_at", "ended_at", "duration_ms"] {
            #expect(event[name] == .null)
        }
        #expect(event["id"]?.stringValue.flatMap { UUIDBits($0) } != nil)
    }

    @Test("a span shows what was sent, its times in UTC with milliseconds")
    func full() throws {
        let event = try rendered(
            #"{"span_id":"s\u0031","payload":{ "n":1.10,"big":12345678901234567890 },"type":"a","level":"warn","occurred_at":"2026-05-11T22:00:00.123456+02:00","kind":"llm","parent_span_id":"p","started_at":"2026-05-11T20:00:00Z","ended_at":"2026-05-11T20:00:01\u005a","duration_ms":1e3,"unknown":1}"#,
            suffix: #","agent_id":"x""#)
        #expect(
            event["span_id"] == "s1" && event["parent_span_id"] == "p" && event["kind"] == "llm"
                && event["level"] == "warn")
        #expect(event["payload"]?.text == #"{"n":1.10,"big":12345678901234567890}"#)
        #expect(event["occurred_at"] == "2026-05-11T20:00:00.123Z" && event["started_at"] == "2026-05-11T20:00:00.000Z")
        #expect(event["ended_at"] == "2026-05-11T20:00:01.000Z" && event["duration_ms"] == 1000)
        #expect(event["unknown"] == nil && event["agent_id"] == "x")
    }

    @Test("an envelope always has both members")
    func envelope() throws {
        #expect(String(decoding: Envelope.data(["a": 1]), as: UTF8.self) == #"{"data":{"a":1},"error":null}"#)
        #expect(
            String(decoding: Envelope.data(encoded: Array("[]".utf8)), as: UTF8.self) == #"{"data":[],"error":null}"#)
        let error = AgentOSError(
            .validation, "a: is bad", details: [FieldError(path: "a", message: "is bad")], runID: run)
        #expect(
            String(decoding: Envelope.error(error), as: UTF8.self)
                == #"{"data":null,"error":{"code":"VALIDATION_ERROR","message":"a: is bad","details":[{"path":"a","message":"is bad"}],"run_id":"\#(run)"}}"#
        )
        #expect(
            String(decoding: Envelope.error(AgentOSError(.unavailable, "x")), as: UTF8.self).contains(
                #""code":"INTERNAL_ERROR""#))
    }

    @Test(
        "paths lead where the contract says",
        arguments: [
            ("/healthz", .healthz), ("/readyz", .readyz), ("/metrics", .metrics), ("/api/v1/tail", .tail),
            ("/api/ingest/v1/events", .ingest(.events)),
            ("/api/ingest/v1/run/start", .ingest(.runStart)),
            ("/api/ingest/v1/human-input/request", .ingest(.humanInput)),
            ("/api/v1/rpc/agents_list", .rpc("agents_list")),
            ("/api/v1/agents/\(runText)/invoke", AgentID(runText).map(Route.invoke)),
            ("/api/v1/runs/\(runText)/human-input", RunID(runText).map(Route.humanInput)),
            ("/api/v1/runs/\(runText)/reply", RunID(runText).map(Route.reply)),
            ("/", nil), ("", nil), ("/api/v1/rpc/", nil), ("/api/v1/rpc/a/b", nil), ("/api/v1/agents/\(runText)", nil),
            ("/api/v1/agents/\(runText)/invoke/", nil),
            ("/api/v1/agents/a/b/invoke", nil),
            ("/api/v1/runs/\(runText)/other", nil),
            ("/api/ingest/v1/", nil), ("/api/ingest/v1/events/", nil), ("/API/v1/tail", nil), ("//healthz", nil),
        ] as [(String, Route?)])
    func routes(path: String, route: Route?) {
        let found: Route? = if case .route(let found) = Route.match(path) { found } else { nil }
        #expect(found == route)
    }

    @Test(
        "a malformed id in a known path is an object that does not exist, which is found out behind the key",
        arguments: ["/api/v1/agents/nope/invoke", "/api/v1/agents//invoke"])
    func malformedID(path: String) {
        guard case .route(.invoke(let agent)) = Route.match(path) else {
            Issue.record("the path is taken for another")
            return
        }
        #expect("\(agent)" == "00000000-0000-0000-0000-000000000000")
    }
}
