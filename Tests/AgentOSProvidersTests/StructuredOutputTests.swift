import AgentOSCore
import AgentOSProviders
import AgentOSTestSupport
import Testing

@Suite("Answers that must satisfy a schema", .timeLimit(.minutes(1)))
struct StructuredOutputTests {
    private static let ticket: JSONValue = [
        "type": "object", "properties": ["category": ["type": "string", "enum": ["billing", "other"]]],
        "required": ["category"], "additionalProperties": false,
    ]
    private static let list: JSONValue = [
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "array", "items": ["$ref": "#/$defs/entry"],
        "$defs": ["entry": ["type": "object", "properties": ["next": ["$ref": "#"]]]],
    ]

    @Test("the answer's text is its JSON, with and without other tools", arguments: Road.all, [false, true])
    func answers(road: Road, tools: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(.json(["category": "billing", "note": "ü \"q\""]))
            let pieces = Pieces()
            let reply = try await road.dialect.provider(fake, client)
                .reply(to: request(tools: tools ? [weather] : [], outputSchema: Self.ticket, stream: road.stream)) {
                    pieces.add($0)
                }
            #expect(reply.text == #"{"category":"billing","note":"ü \"q\""}"#)
            #expect(reply.toolCalls.isEmpty)
            #expect(reply.stopReason == (road.dialect == .anthropic ? "end_turn" : "stop"))
            #expect(pieces.all == (road.stream ? [reply.text] : []))
        }
    }

    @Test("Anthropic's model is made to answer with a tool of its own name")
    func tool() async throws {
        try await withProviders { fake, client in
            fake.play(.text("{}"), repeatingLast: true)
            let provider = Dialect.anthropic.provider(fake, client)
            let taken = ToolDefinition(name: "final_output", description: "Mine.", inputSchema: ["type": "object"])
            for tools in [[], [weather], [taken]] {
                _ = try await provider.reply(to: request(tools: tools, outputSchema: Self.ticket))
            }
            let sent = fake.requests
            #expect(
                sent.map(\.toolNames) == [
                    ["final_output"], ["weather", "final_output"], ["final_output", "final_output_2"],
                ])
            #expect(sent[0].body["tool_choice"] == ["type": "tool", "name": "final_output"])
            #expect(sent[1].body["tool_choice"] == ["type": "any"])
            #expect(sent[0].body["tools"]?.arrayValue?.first?["input_schema"] == Self.ticket)
            _ = try await provider.reply(to: request(tools: [weather]))
            #expect(fake.requests[3].body["tool_choice"] == nil)
            #expect(fake.requests[3].toolNames == ["weather"])
        }
    }

    @Test("other calls win over an answer that was given beside them", arguments: [false, true])
    func besideCalls(stream: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(
                .tools(("final_output", ["category": "other"]), ("weather", ["city": "Bonn"]), text: "Looking."),
                .tools(("final_output", ["category": "other"]), ("final_output", [:]), text: "Here it is:"))
            let provider = Dialect.anthropic.provider(fake, client)
            let asked = request(tools: [weather], outputSchema: Self.ticket, stream: stream)
            let first = try await provider.reply(to: asked)
            #expect(first.toolCalls.map(\.name) == ["weather"])
            #expect(first.text == "Looking." && first.stopReason == "tool_use")
            let second = try await provider.reply(to: asked)
            #expect(second.toolCalls.isEmpty)
            #expect(second.text == #"{"category":"other"}"#)
        }
    }

    @Test("an answer that the limit of tokens cut off is passed on as it came")
    func cutAnswer() async throws {
        try await withProviders { fake, client in
            fake.play(.calls([.init(name: "final_output", arguments: #"{"category": "bil"#)]))
            let reply = try await Dialect.anthropic.provider(fake, client)
                .reply(to: request(outputSchema: Self.ticket, stream: true))
            #expect(reply.text == #"{"category": "bil"#)
            #expect(reply.toolCalls.isEmpty)
        }
    }

    @Test("a model that takes no forced tool is left the choice", arguments: [false, true])
    func unforced(stream: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(
                .error(400, "tool_choice: type \"tool\" and \"any\" are not supported for this model."),
                .tools(("final_output", ["category": "other"])), .error(400, "tool_choice: no"), .error(400, "no"))
            let provider = Dialect.anthropic.provider(fake, client)
            let asked = request(outputSchema: Self.ticket, stream: stream)
            let reply = try await provider.reply(to: asked)
            #expect(reply.text == #"{"category":"other"}"#)
            #expect(fake.requests[1].body["tool_choice"] == nil)
            #expect(fake.requests[1].toolNames == ["final_output"])
            let error = try await provider.failure(of: asked)
            #expect(error?.kind == .refused)
            #expect(fake.requests.count == 4)
        }
    }

    @Test("a schema that is none of an object is wrapped on its way and the answer unwrapped", arguments: Road.all)
    func wrapped(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.json(["output": [1, "a"]]), .json([["next": []]]), .text("no JSON"))
            let provider = road.dialect.provider(fake, client)
            let asked = request(outputSchema: Self.list, stream: road.stream)
            var texts: [String] = []
            for _ in 0..<3 { texts.append(try await provider.reply(to: asked).text) }
            #expect(texts == [#"[1,"a"]"#, #"[{"next":[]}]"#, "no JSON"])
            let body = fake.requests[0].body
            let sent =
                road.dialect == .anthropic
                ? body["tools"]?.arrayValue?.first?["input_schema"] : body["response_format"]?["json_schema"]?["schema"]
            #expect(sent?["required"] == ["output"])
            let inner = sent?["properties"]?["output"]
            #expect(inner?["$schema"] == nil && inner?["type"] == "array")
            #expect(inner?["items"]?["$ref"] == "#/properties/output/$defs/entry")
            #expect(inner?["$defs"]?["entry"]?["properties"]?["next"]?["$ref"] == "#/properties/output")
        }
    }

    @Test("any root is sent in a form that providers take", arguments: Dialect.allCases)
    func roots(dialect: Dialect) async throws {
        try await withProviders { fake, client in
            fake.play(.text("{}"), repeatingLast: true)
            let schemas: [JSONValue] = [
                [:], true, ["type": "string"], ["type": ["object", "null"]], ["properties": ["a": [:]]],
                ["type": "object", "anyOf": [["required": ["a"]]]], ["oneOf": [["type": "object"]]],
            ]
            for schema in schemas {
                let reply = try await dialect.provider(fake, client).reply(to: request(outputSchema: schema))
                #expect(reply.text == "{}")
            }
        }
    }

    @Test(
        "OpenAI is strict only where it takes the schema",
        arguments: [
            (ticket, true), (list, false), (["type": "object"], false),
            (["type": "object", "properties": ["a": ["type": "string"]], "required": ["a"]], false),
            (
                [
                    "type": "object", "properties": ["a": ["type": "string"], "b": ["type": "null"]],
                    "required": ["a"], "additionalProperties": false,
                ], false
            ),
            (object(["type": "array", "items": ["type": "string"], "minItems": 1]), true),
            (object(["type": "array"]), false), (object(["type": "object", "properties": [:]]), false),
            (object(["anyOf": [["type": "string"], ["type": "null"]]]), true), (object(["$ref": "#"]), true),
            (object(["$ref": "#", "description": "x"]), false), (object(["type": "string", "pattern": "a"]), false),
            (object(["type": "string", "format": "uri"]), false), (object(["enum": ["a"]]), false),
            (object(["allOf": [["type": "string"]]]), false), (object(true), false),
            (["type": "string"], true),
        ] as [(JSONValue, Bool)])
    func strict(schema: JSONValue, isStrict: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(.text("{}"))
            _ = try await Dialect.openAI.provider(fake, client)
                .reply(to: request(tools: [weather], outputSchema: schema))
            let format = fake.requests[0].body["response_format"]
            #expect(format?["type"] == "json_schema")
            #expect(format?["json_schema"]?["name"] == "output")
            #expect(format?["json_schema"]?["strict"] == .bool(isStrict))
            #expect(fake.requests[0].toolNames == ["weather"])
        }
    }

    private static func object(_ property: JSONValue) -> JSONValue {
        ["type": "object", "properties": ["a": property], "required": ["a"], "additionalProperties": false]
    }

    @Test(
        "a refusal in words is no answer where a schema must be satisfied, and one elsewhere", arguments: [false, true])
    func refusal(stream: Bool) async throws {
        try await withProviders { fake, client in
            let said = #"{"refusal":"I will not."}"#
            let reply = #"{"choices":[{"\#(stream ? "delta" : "message")":\#(said),"finish_reason":"stop"}]}"#
            fake.play(.raw(body: stream ? "data: \(reply)\n\n" : reply), repeatingLast: true)
            let provider = Dialect.openAI.provider(fake, client)
            let error = try await provider.failure(of: request(outputSchema: Self.ticket, stream: stream))
            #expect(error?.kind == .refused)
            #expect(error?.canFallBack == false)
            #expect(error?.message.contains("I will not") == true)
            let outcome = try await provider.reply(to: request(stream: stream)).text
            #expect(outcome == "I will not.")
        }
    }
}
