import AgentOSCore
import AgentOSProviders
import AgentOSTestSupport
import Testing

@Suite("The demo provider")
struct DemoProviderTests {
    private let demo = DemoProvider()

    private func tool(_ name: String) -> ToolDefinition {
        ToolDefinition(name: name, description: name, inputSchema: ["type": "object"])
    }

    @Test("it always answers the same, says what it is and what it was told")
    func deterministic() async throws {
        let one = try await demo.reply(to: request([.user("Hello there")]))
        let two = try await demo.reply(to: request([.user("Hello there")]))
        #expect(one == two)
        #expect(one.text.lowercased().contains("demo"))
        #expect(one.text.contains("Hello there"))
        #expect(one.usage.output > 0)
    }

    @Test("streamed it says the same in several pieces, plain in none")
    func streamed() async throws {
        let pieces = Pieces()
        let streamed = try await demo.reply(to: request(stream: true)) { pieces.add($0) }
        #expect(pieces.all.count > 3)
        #expect(pieces.all.joined() == streamed.text)
        let none = Pieces()
        let outcome = try await demo.reply(to: request()) { none.add($0) }
        #expect(outcome == streamed)
        #expect(none.all.isEmpty)
    }

    @Test(
        "it tells how many turns it was given",
        arguments: [(0, "no earlier turns"), (1, "1 earlier turn:"), (3, "3 earlier turns")])
    func memory(turns: Int, words: String) async throws {
        var messages: [ModelMessage] = []
        for number in 0..<turns { messages += [.user("turn \(number)"), .assistant(text: "ok", toolCalls: [])] }
        let reply = try await demo.reply(to: request(messages + [.user("now")]))
        #expect(reply.text.contains(words))
        #expect(turns == 0 || reply.text.contains("turn 0"))
    }

    @Test("it calls a fitting tool once and tells what it saw")
    func tools() async throws {
        let tools = [tool("invoke_agent"), tool("http_request"), tool("current_time")]
        let idle = try await demo.reply(to: request([.user("hi")], tools: tools))
        #expect(idle.toolCalls.isEmpty)
        let first = try await demo.reply(to: request([.user("what time is it?")], tools: tools))
        let call = try #require(first.toolCalls.first)
        #expect(call.name == "current_time" && first.toolCalls.count == 1)
        let result = ToolResult(callID: call.id, name: call.name, content: "12:00", isError: false)
        let second = try await demo.reply(
            to: request([.user("hi"), .assistant(text: "", toolCalls: [call]), .toolResults([result])], tools: tools))
        #expect(second.toolCalls.isEmpty)
        #expect(second.text.contains("12:00") && second.text.lowercased().contains("demo"))
    }

    @Test(
        "tools that fetch are called only for a URL in the text",
        arguments: [
            ("see https://example.com/a?b=1.", ["http_request"], "https://example.com/a?b=1"),
            ("(http://example.com)", ["read_url", "http_request"], "http://example.com"), ("no url", ["read_url"], nil),
            ("https://", ["read_url"], nil), ("see https://example.com", ["invoke_agent"], nil),
        ] as [(String, [String], String?)])
    func fetching(text: String, names: [String], url: String?) async throws {
        let reply = try await demo.reply(to: request([.user(text)], tools: names.map(tool)))
        #expect(reply.toolCalls.first?.name == (url == nil ? nil : names[0]))
        #expect(reply.toolCalls.first?.arguments["url"]?.stringValue == url)
    }

    @Test(
        "where a schema asks for JSON it makes some up",
        arguments: [
            (
                [
                    "type": "object", "required": ["kind", "far"],
                    "properties": [
                        "kind": ["type": "string", "enum": ["billing", "other"]], "score": ["type": "number"],
                        "count": ["type": "integer", "minimum": 3, "maximum": 9], "ok": ["type": "boolean"],
                        "tags": ["type": "array", "items": ["type": "string"], "minItems": 2],
                        "none": ["type": "null"], "maybe": ["type": ["string", "null"]], "version": ["const": 2],
                    ],
                ],
                #"{"kind":"billing","score":0.5,"count":3,"ok":true,"tags":["demo","demo"],"none":null,"#
                    + #""maybe":"demo","version":2,"far":"demo"}"#
            ),
            (["type": "array", "items": ["type": "integer"]], "[1]"), (["type": "array", "maxItems": 0], "[]"),
            (["type": "string", "minLength": 6, "maxLength": 6], #""demo d""#),
            (["type": "string", "maxLength": 2], #""de""#),
            (["type": "string", "format": "date"], #""2025-01-01""#),
            (["type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 3], "2.5"),
            (["type": "integer", "maximum": -4], "-4"), (["type": "integer", "multipleOf": 5, "minimum": 11], "15"),
            (["anyOf": [["type": "integer"], ["type": "null"]]], "1"), (true, #""demo""#),
            (
                ["$ref": "#/$defs/a", "$defs": ["a": ["type": "object", "properties": ["b": ["type": "boolean"]]]]],
                #"{"b":true}"#
            ),
        ] as [(JSONValue, String)])
    func structured(schema: JSONValue, json: String) async throws {
        let reply = try await demo.reply(to: request(outputSchema: schema))
        #expect(reply.text == json)
        let pieces = Pieces()
        _ = try await demo.reply(to: request(outputSchema: schema, stream: true)) { pieces.add($0) }
        #expect(pieces.all.joined() == json)
    }

    @Test("a schema that contains itself ends")
    func recursive() async throws {
        let optional: JSONValue = ["type": "object", "properties": ["next": ["$ref": "#"]]]
        let endless: JSONValue = ["$ref": "#"]
        #expect(try await demo.reply(to: request(outputSchema: optional)).text.hasSuffix("{}}}"))
        #expect(try await demo.reply(to: request(outputSchema: endless)).text == "null")
    }

    @Test("tools come before the answer under a schema")
    func toolsFirst() async throws {
        let asked = request([.user("the time?")], tools: [tool("current_time")], outputSchema: ["type": "object"])
        #expect(try await demo.reply(to: asked).toolCalls.map(\.name) == ["current_time"])
    }
}
