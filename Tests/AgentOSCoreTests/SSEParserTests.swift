import AgentOSCore
import Testing

@Suite("Event streams")
struct SSEParserTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let stream: String
        let events: [SSEEvent]
        var testDescription: String { name }

        init(_ name: String, _ stream: String, _ events: (String, String)...) {
            self.name = name
            self.stream = stream
            self.events = events.map { SSEEvent(name: $0.0, data: Array($0.1.utf8)) }
        }
    }

    static let cases = [
        Case("line feeds", "data: a\n\ndata: b\n\n", ("message", "a"), ("message", "b")),
        Case("carriage returns", "data: a\r\rdata: b\r\r", ("message", "a"), ("message", "b")),
        Case("both", "data: a\r\n\r\ndata: b\r\n\r\n", ("message", "a"), ("message", "b")),
        Case("mixed", "data: a\r\n\ndata: b\n\r\n", ("message", "a"), ("message", "b")),
        Case("several data lines", "data: a\ndata:\ndata: b\n\n", ("message", "a\n\nb")),
        Case("one space is taken off", "data:  a\ndata:b\n\n", ("message", " a\nb")),
        Case("names", "event: x\ndata: 1\n\ndata: 2\n\n", ("x", "1"), ("message", "2")),
        Case("a name alone is no event", "event: x\n\ndata: 2\n\n", ("message", "2")),
        Case("comments", ": hello\n:\ndata: a\n: between\n\n", ("message", "a")),
        Case("a byte order mark", "\u{feff}data: a\n\n", ("message", "a")),
        Case("a byte order mark later is text", "data: \u{feff}a\n\n", ("message", "\u{feff}a")),
        Case("unknown fields", "foo: x\ndata: a\nbar\n\n", ("message", "a")),
        Case("a field without a colon", "data\n\n", ("message", "")),
        Case("two of them", "data\ndata\n\n", ("message", "\n")),
        Case("colons in the value", "data: a: b\n\n", ("message", "a: b")),
        Case("an unfinished event", "data: a\n\ndata: b\n", ("message", "a")),
        Case(
            "characters of all lengths", "data: naïve 日本語 👩‍👩‍👧 𝒳\u{2028}\u{85}x\n\n",
            ("message", "naïve 日本語 👩‍👩‍👧 𝒳\u{2028}\u{85}x")),
        Case("nothing", ""),
    ]

    @Test("the standard's cases, in one piece and byte by byte", arguments: cases)
    func parse(example: Case) throws {
        var whole = SSEParser()
        #expect(try whole.feed(Array(example.stream.utf8)) == example.events)
        var single = SSEParser()
        var events: [SSEEvent] = []
        for byte in example.stream.utf8 { events += try single.feed([byte]) }
        #expect(events == example.events)
    }

    @Test("ids and retry times are kept")
    func fields() throws {
        var parser = SSEParser()
        _ = try parser.feed(Array("id: 7\nretry: 1500\ndata: a\n\nid: x\u{0}y\nretry: 1s\ndata: b\n\n".utf8))
        #expect(parser.lastEventID == "7")
        #expect(parser.retryMilliseconds == 1500)
    }

    @Test("an endless line or event is refused", arguments: ["data: 0123456789", "data: 0123\ndata: 4567\ndata: 890"])
    func bounded(stream: String) {
        var parser = SSEParser(maximumEventBytes: 12)
        #expect(throws: SSEParser.TooLarge.self) { try parser.feed(Array((stream + "\n\n").utf8)) }
    }
}
