import AgentOSCore
import AgentOSProviders
import AgentOSTestSupport
import Testing

/// Common events are read without a tree. However they are written, they must mean what they mean to the full parser.
@Suite("The shapes of streamed events", .timeLimit(.minutes(1)))
struct StreamShapeTests {
    private static let anthropicBegin = [
        #"{"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}"#,
        #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    ]
    private static let anthropicEnd = [
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
        #"{"type":"message_stop"}"#,
    ]
    private static let openAIEnd = [#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#, "[DONE]"]

    private func reply(_ dialect: Dialect, _ data: [String], _ pieces: Pieces) async throws -> ModelReply {
        try await withProviders { fake, client in
            fake.play(.raw(body: data.map { "data: \($0)\n\n" }.joined()))
            return try await dialect.provider(fake, client).reply(to: request(stream: true)) { pieces.add($0) }
        }
    }

    private func check(_ dialect: Dialect, _ data: String, _ text: String?) async throws {
        let pieces = Pieces()
        let all =
            dialect == .anthropic
            ? Self.anthropicBegin + [data] + Self.anthropicEnd : [data] + Self.openAIEnd
        do {
            let reply = try await reply(dialect, all, pieces)
            #expect(reply.text == text)
            #expect(pieces.all == (reply.text.isEmpty ? [] : [reply.text]))
        } catch let error as ProviderError {
            #expect(text == nil)
            #expect(error.kind == .malformed)
        }
    }

    private static func delta(_ text: String) -> String {
        #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":\#(text)}}"#
    }

    @Test(
        "of the Messages API",
        arguments: [
            (delta(#""Hi""#), "Hi"), (delta(#""a\n\"\\\u00e9\ud83d\ude00 ü""#), "a\n\"\\é😀 ü"), (delta(#""""#), ""),
            (delta(#""\ud83d""#), "\u{fffd}"), (delta("5"), ""), (delta("null"), ""), (delta(#""a\""#), nil),
            (delta(#""a\q""#), nil), (delta("\"a\tb\""), nil), (delta(#""a"#), nil), (delta(#""a"x"#), nil),
            (delta(#""a""#) + "   ", "a"), (delta(#""a""#) + ",", nil), (delta(#""a","text":"b""#), "b"),
            (delta(#""a","more":1"#), "a"),
            (#"{ "type" : "content_block_delta" , "index" : 0 , "delta" : {"type": "text_delta", "text": "a"} }"#, "a"),
            (#"{"index":0,"delta":{"text":"a","type":"text_delta"},"type":"content_block_delta"}"#, "a"),
            (#"{"type":"content_block_delta","index":0.0,"delta":{"type":"text_delta","text":"a"}}"#, "a"),
            (#"{"type":"content_block_delta","index":00,"delta":{"type":"text_delta","text":"a"}}"#, nil),
            (#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#, ""),
            (#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"a"}}"#, ""),
            (#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#, ""),
            (#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}"#, nil),
        ] as [(String, String?)])
    func anthropic(data: String, text: String?) async throws { try await check(.anthropic, data, text) }

    private static func chunk(_ content: String, _ rest: String = "") -> String {
        #"{"id":"c","created":1,"choices":[{"index":0,"delta":{"content":\#(content)},"finish_reason":null}]\#(rest)}"#
    }

    @Test(
        "of Chat Completions",
        arguments: [
            (chunk(#""Hi""#), "Hi"), (chunk(#""\u00e9\n ü""#), "é\n ü"), (chunk(#""""#), ""), (chunk("null"), ""),
            (chunk("7"), ""), (chunk(#""a\""#), nil), (chunk("\"a\u{1}\""), nil), (chunk(#""a""#) + " ", "a"),
            (chunk(#""a""#) + "}", nil), (chunk(#""a""#, ","), nil), (chunk(#""a""#, #","usage":null"#), "a"),
            (chunk(#""a""#, #","usage":{"prompt_tokens":3}"#), "a"), (chunk(#""a""#, #","error":null"#), "a"),
            (chunk(#""a""#, #","x":"\q""#), nil), (chunk(#""a""#, #","x":"é\n","y":-1.5e3,"z":[{}]"#), "a"),
            (chunk(#""a""#, #","x":01"#), nil), (chunk(#""a""#, #","x":nul"#), nil),
            (chunk(#""a""#, #","x":true,"y":12345678901234567890"#), "a"),
            (chunk(#""a""#, #","choices":[{"delta":{"content":"b"}}]"#), "b"), (chunk(#""a""#, #","choices":[]"#), ""),
            (chunk(#""a","content":"b""#), "b"), (chunk(#""a","role":"assistant","refusal":null"#), "a"),
            (chunk(#""a","refusal":"no""#), "a"), (chunk(#""a","tool_calls":null"#), "a"),
            (chunk(#""a","tool_calls":[]"#), "a"), (chunk(#""a","\u0063ontent":"b""#), "b"),
            (#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#, "a"),
            (#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#, "a"),
            (#"{"choices":[{"delta":{"content":"a"},"delta":{}}]}"#, ""),
        ] as [(String, String?)])
    func openAI(data: String, text: String?) async throws { try await check(.openAI, data, text) }

    @Test("an error beside a piece of text counts")
    func errorBeside() async throws {
        let chunk = Self.chunk(#""a""#, #","error":{"code":429,"message":"busy"}"#)
        await #expect {
            try await reply(.openAI, [chunk] + Self.openAIEnd, Pieces())
        } throws: { error in
            (error as? ProviderError)?.kind == .rateLimited
        }
    }

    @Test("a reason to stop beside a piece of text counts")
    func stopBeside() async throws {
        let chunk = #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"length"}]}"#
        let outcome = try await reply(.openAI, [chunk, "[DONE]"], Pieces())
        #expect(outcome.text == "a" && outcome.stopReason == "length")
    }
}
