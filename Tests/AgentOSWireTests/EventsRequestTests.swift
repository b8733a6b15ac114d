import AgentOSCore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite struct EventsRequestTests {
    private func request(_ events: String...) throws -> EventsRequest {
        try EventsRequest(checked(#"{"run_id":"\#(runText)","events":[\#(events.joined(separator: ","))]}"#))
    }

    private func raw(_ batch: EventBatch, _ index: Int) -> String {
        let item = batch.items[index]
        return String(decoding: batch.bytes[Int(item.offset)..<Int(item.offset) + Int(item.length)], as: UTF8.self)
    }

    @Test(
        "a body that names no run or no events is refused by the member's name",
        arguments: [
            (#"{"events":[{"type":"a"}]}"#, "run_id"), (#"{"run_id":null,"events":[{"type":"a"}]}"#, "run_id"),
            (#"{"run_id":"x","events":[{"type":"a"}]}"#, "run_id"),
            (#"{"run_id":7,"events":[{"type":"a"}]}"#, "run_id"),
            (#"{"run_id":"R","run_id":"R","events":[{"type":"a"}]}"#, "run_id"), (#"{"run_id":"R"}"#, "events"),
            (#"{"run_id":"R","events":null}"#, "events"), (#"{"run_id":"R","events":{}}"#, "events"),
            (#"{"run_id":"R","events":[]}"#, "events"),
            (#"{"run_id":"R","events":[{"type":"a"}],"events":[{"type":"a"}]}"#, "events"),
            (#"{"run_id":"R","events":[1]}"#, "events[0]"),
            (#"{"run_id":"R","events":[{"type":"a"},null]}"#, "events[1]"),
            (#"{"run_id":"R","events":[{"type":"a"},[]]}"#, "events[1]"),
        ])
    func bodies(body: String, path: String) throws {
        let text = body.replacing("\"R\"", with: "\"\(runText)\"")
        #expect(try refusedPath { _ = try EventsRequest(checked(text)) } == path)
    }

    private static let time = #""2026-05-11T20:00:00Z""#
    private static let spanTimes = #""started_at":\#(time),"ended_at":\#(time),"duration_ms":1"#

    @Test(
        "each rule of an event is held, and the offending field is named",
        arguments: [
            (#"{}"#, "type"), (#"{"type":null}"#, "type"), (#"{"type":""}"#, "type"), (#"{"type":5}"#, "type"),
            (#"{"type":"a","type":"b"}"#, "type"),
            (#"{"type":"\#(String(repeating: "é", count: 256))"}"#, "type"),
            (#"{"type":"a","level":"warning"}"#, "level"),
            (#"{"type":"a","level":null}"#, "level"), (#"{"type":"a","level":3}"#, "level"),
            (#"{"type":"a","level":"INFO"}"#, "level"),
            (#"{"type":"a","level":"info","level":"info"}"#, "level"), (#"{"type":"a","payload":null}"#, "payload"),
            (#"{"type":"a","payload":[]}"#, "payload"),
            (#"{"type":"a","payload":"x"}"#, "payload"), (#"{"type":"a","payload":{},"payload":{}}"#, "payload"),
            (#"{"type":"a","occurred_at":null}"#, "occurred_at"),
            (#"{"type":"a","occurred_at":1778529600}"#, "occurred_at"),
            (#"{"type":"a","occurred_at":"yesterday"}"#, "occurred_at"),
            (#"{"type":"a","occurred_at":"2026-05-11T20:00:00"}"#, "occurred_at"),
            (#"{"type":"a","span_id":"",\#(spanTimes)}"#, "span_id"),
            (#"{"type":"a","span_id":null,\#(spanTimes)}"#, "span_id"),
            (#"{"type":"a","span_id":"\#(String(repeating: "x", count: 65))",\#(spanTimes)}"#, "span_id"),
            (#"{"type":"a","parent_span_id":null}"#, "parent_span_id"),
            (#"{"type":"a","parent_span_id":1}"#, "parent_span_id"),
            (#"{"type":"a","kind":null}"#, "kind"), (#"{"type":"a","kind":[]}"#, "kind"),
            (#"{"type":"a","started_at":"x"}"#, "started_at"),
            (#"{"type":"a","ended_at":"x"}"#, "ended_at"), (#"{"type":"a","duration_ms":-1}"#, "duration_ms"),
            (#"{"type":"a","duration_ms":1.5}"#, "duration_ms"),
            (#"{"type":"a","duration_ms":"1"}"#, "duration_ms"), (#"{"type":"a","duration_ms":NaN}"#, "duration_ms"),
            (#"{"type":"a","duration_ms":1e400}"#, "duration_ms"),
            (#"{"type":"a","span_id":"s","ended_at":\#(time),"duration_ms":1}"#, "started_at"),
            (#"{"type":"a","span_id":"s","started_at":\#(time),"duration_ms":1}"#, "ended_at"),
            (#"{"type":"a","span_id":"s","started_at":\#(time),"ended_at":\#(time)}"#, "duration_ms"),
        ])
    func rules(event: String, field: String) throws {
        #expect(try refusedPath { _ = try request(#"{"type":"fine"}"#, event) } == "events[1].\(field)")
    }

    @Test(
        "what clients really send is accepted",
        arguments: [
            #"{"type":"a"}"#, #"{"type":"\#(String(repeating: "é", count: 255))"}"#, #"{"type":"\u0061\n"}"#,
            #"{"type":"a","level":"\u0069nfo"}"#,
            #"{"\u0074ype":"a"}"#, #"{"type":"a","payload":{"x":NaN,"y":[-Infinity]}}"#,
            #"{"type":"a","payload":{"type":7,"level":"x"}}"#,
            #"{"type":"a","parent_span_id":"","kind":""}"#, #"{"type":"a","unknown":null}"#,
            #"{"type":"a","duration_ms":1e2}"#,
            #"{"type":"a","span_id":"\#(String(repeating: "ü", count: 64))",\#(spanTimes)}"#,
            #"{"type":"a","occurred_at":"2026-05-11T20:00:00.123456+02:00"}"#,
            #"{"type":"a","span_id":"s","started_at":"2026-05-11T20:00:01Z","ended_at":\#(time),"duration_ms":0.0}"#,
        ])
    func accepted(event: String) throws { #expect(try request(event).batch.items.count == 1) }

    @Test("a payload may be 512 levels deep, the envelope not counted")
    func depth() throws {
        func send(_ levels: Int) throws {
            _ = try request(#"{"type":"a"}"#, #"{"type":"b","payload":{"a":\#(nested(levels - 1))}}"#)
        }
        #expect(try refusedPath { try send(512) } == nil)
        #expect(try refusedPath { try send(513) } == "")
    }

    @Test("a member under an escaped name is the same member")
    func escapedNames() throws {
        #expect(try refusedPath { _ = try request(#"{"type":"a","lev\u0065l":"loud"}"#) } == "events[0].level")
        #expect(try refusedPath { _ = try request(#"{"type":"a","t\u0079pe":"b"}"#) } == "events[0].type")
        let body = #"{"run\u005fid":"\#(runText)","ev\u0065nts":[{"type":"a"}]}"#
        #expect("\(try EventsRequest(checked(body)).runID)" == runText)
    }

    @Test("1,000 events are accepted, 1,001 refused")
    func most() throws {
        let many = Array(repeating: #"{"type":"a"}"#, count: 1001)
        func send(_ count: Int) throws -> EventsRequest {
            try EventsRequest(
                checked(#"{"run_id":"\#(runText)","events":[\#(many.prefix(count).joined(separator: ","))]}"#))
        }
        #expect(try send(1000).batch.items.count == 1000)
        #expect(try refusedPath { _ = try send(1001) } == "events")
    }

    @Test("the first offending event is the one that is named")
    func firstFault() throws {
        #expect(
            try refusedPath { _ = try request(#"{"type":"a"}"#, #"{"type":""}"#, #"{"type":1}"#) } == "events[1].type")
    }

    @Test("an event's bytes are kept as they were sent")
    func bytes() throws {
        let events = [#"{ "type" : "a", "payload":{"b": 1.10, "a":"é\u00e9"} }"#, #"{"type":"b"}"#]
        let batch = try request(events[0], "  " + events[1] + "\n").batch
        #expect(batch.items.indices.map { raw(batch, $0) } == events)
    }

    @Test("what is not JSON in a payload is stored as JSON")
    func rewritten() throws {
        let batch = try request(#"{"type":"a\ud800","payload":{"x":NaN}}"#, #"{"type":"b"}"#).batch
        #expect(raw(batch, 0) == #"{"type":"a\ufffd","payload":{"x":null}}"#)
        #expect(raw(batch, 1) == #"{"type":"b"}"#)
    }

    @Test("times, levels and spans of events are known to the store")
    func items() throws {
        let batch = try request(
            #"{"type":"a"}"#, #"{"type":"b","level":"error","occurred_at":"2026-05-11T20:00:00.000001Z"}"#,
            span("s", id: "1")
        ).batch
        #expect(batch.items.map(\.isSpan) == [false, false, true])
        #expect(batch.items.map(\.isError) == [false, true, false])
        #expect(batch.items.map(\.occurredAt).prefix(2) == [nil, 1_778_529_600_000_001])
        #expect(batch.items[0].digest == 0)
        #expect(batch.items[1].digest != 0)
    }

    @Test("a span is recognised by its id, however the id is written")
    func spanDigests() throws {
        let batch = try request(span("one", id: "ab"), span("two", id: "\\u0061b", at: 5), span("one", id: "abc")).batch
        #expect(batch.items[0].digest == batch.items[1].digest)
        #expect(batch.items[0].digest != batch.items[2].digest)
    }

    @Test("token counts are taken from llm spans and llm.response events, wrong ones passed over")
    func tokens() throws {
        let batch = try request(
            span(
                "gpt", id: "1", kind: "llm", payload: #"{"input_tokens":5,"output_tokens":2.0,"cache_read_tokens":"x"}"#
            ),
            #"{"type":"llm.response","payload":{"input_tokens":7,"output_tokens":-1}}"#,
            span("tool", id: "2", kind: "tool", payload: #"{"input_tokens":100}"#),
            #"{"type":"other","payload":{"input_tokens":100}}"#,
            #"{"type":"llm.response","payload":{"model":"m"}}"#
        ).batch
        #expect(batch.tokens.map(\.item) == [0, 1])
        #expect(batch.tokens.map(\.usage) == [TokenUsage(input: 5, output: 2), TokenUsage(input: 7)])
        #expect(batch.tokens.map(\.isSpan) == [true, false])
    }
}
