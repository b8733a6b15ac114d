import AgentOSCore
import AgentOSProviders
import AgentOSTestSupport
import Testing

@Suite("Replies of both providers", .timeLimit(.minutes(1)))
struct ProviderReplyTests {
    @Test("a text arrives unchanged, streamed in its pieces", arguments: Road.all)
    func text(road: Road) async throws {
        try await withProviders { fake, client in
            let chunks = ["naïve ", "日本", "語 👩‍👩‍👧 ", "\u{2028} \"q\" \\ \n", "end"]
            fake.play(.text(chunks: chunks).usage(TokenUsage(input: 12, output: 3)))
            let pieces = Pieces()
            let reply = try await road.dialect.provider(fake, client)
                .reply(to: request(stream: road.stream)) { pieces.add($0) }
            #expect(reply.text == chunks.joined())
            #expect(reply.toolCalls.isEmpty)
            #expect(reply.usage == TokenUsage(input: 12, output: 3))
            #expect(reply.stopReason == (road.dialect == .anthropic ? "end_turn" : "stop"))
            #expect(pieces.all == (road.stream ? chunks : []))
            #expect(fake.requests[0].isStreamed == road.stream)
        }
    }

    @Test("an empty text is a reply", arguments: Road.all)
    func emptyText(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.text(chunks: []))
            let outcome = try await road.dialect.provider(fake, client).reply(to: request(stream: road.stream)).text
            #expect(outcome == "")
        }
    }

    @Test("tool calls arrive with their arguments, after a text", arguments: Road.all)
    func tools(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.tools(("weather", ["city": "Köln"]), ("weather", [:]), text: "Looking. "))
            let reply = try await road.dialect.provider(fake, client)
                .reply(to: request(tools: [weather], stream: road.stream))
            #expect(reply.text == "Looking. ")
            #expect(reply.toolCalls.map(\.name) == ["weather", "weather"])
            #expect(reply.toolCalls.map(\.arguments) == [["city": "Köln"], [:]])
            #expect(Set(reply.toolCalls.map(\.id)).count == 2)
            #expect(reply.stopReason == (road.dialect == .anthropic ? "tool_use" : "tool_calls"))
            #expect(fake.requests[0].toolNames == ["weather"])
        }
    }

    @Test("ids of tool calls are made unique and never empty", arguments: Road.all)
    func ids(road: Road) async throws {
        try await withProviders { fake, client in
            let ids = ["a", "a", "", ""]
            fake.play(.calls(ids.map { FakeStep.FakeCall(id: $0, name: "weather", arguments: "{}") }))
            let reply = try await road.dialect.provider(fake, client).reply(to: request(stream: road.stream))
            #expect(reply.toolCalls.count == 4)
            #expect(reply.toolCalls[0].id == "a")
            #expect(Set(reply.toolCalls.map(\.id)).count == 4)
            #expect(reply.toolCalls.allSatisfy { !$0.id.isEmpty })
        }
    }

    @Test(
        "arguments that are no JSON are handed on as a string",
        arguments: [
            Road(dialect: .openAI, stream: false), Road(dialect: .openAI, stream: true),
            Road(dialect: .anthropic, stream: true),
        ])
    func badArguments(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(
                .calls([.init(name: "weather", arguments: #"{"city": "#), .init(name: "weather", arguments: "")]))
            let reply = try await road.dialect.provider(fake, client).reply(to: request(stream: road.stream))
            #expect(reply.toolCalls.map(\.arguments) == [.string(#"{"city": "#), [:]])
        }
    }

    @Test("the classes of tokens are disjoint", arguments: Road.all)
    func usage(road: Road) async throws {
        try await withProviders { fake, client in
            let created = road.dialect == .anthropic ? 30 : 0
            let usage = TokenUsage(input: 5, output: 2, cacheRead: 70, cacheCreation: created)
            fake.play(.text("ok").usage(usage))
            let outcome = try await road.dialect.provider(fake, client).reply(to: request(stream: road.stream)).usage
            #expect(outcome == usage)
        }
    }

    @Test("a stream's last count of tokens is the sum, whatever it repeats")
    func repeatedUsage() async throws {
        try await withProviders { fake, client in
            fake.play(
                .raw(
                    body: """
                        data: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1,\
                        "cache_read_input_tokens":70,"cache_creation_input_tokens":30,\
                        "cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":0}}}}

                        data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":5,\
                        "output_tokens":9,"cache_read_input_tokens":70,"cache_creation_input_tokens":null}}

                        data: {"type":"message_stop"}


                        """))
            let outcome = try await Dialect.anthropic.provider(fake, client).reply(to: request(stream: true)).usage
            #expect(outcome == TokenUsage(input: 5, output: 9, cacheRead: 70, cacheCreation: 30))
        }
    }

    @Test(
        "a prompt's count is split into new and cached, however little of it is told",
        arguments: [
            (#"{"prompt_tokens":100,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":64}}"#, 36, 64),
            (#"{"prompt_tokens":100,"completion_tokens":2,"prompt_tokens_details":null}"#, 100, 0),
            (#"{"prompt_tokens":100,"completion_tokens":2}"#, 100, 0),
            (#"{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":64}}"#, 0, 10),
            (#"{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":-4}}"#, 10, 0),
        ], [false, true])
    func promptUsage(usage: (String, Int, Int), stream: Bool) async throws {
        try await withProviders { fake, client in
            let choice = #"{"\#(stream ? "delta" : "message")":{"content":"ok"},"finish_reason":"stop"}"#
            let reply = #"{"choices":[\#(choice)],"usage":\#(usage.0)}"#
            fake.play(.raw(body: stream ? "data: \(reply)\n\ndata: [DONE]\n\n" : reply))
            let outcome = try await Dialect.openAI.provider(fake, client).reply(to: request(stream: stream)).usage
            #expect(outcome == TokenUsage(input: usage.1, output: 2, cacheRead: usage.2))
        }
    }

    @Test("one connection after another call is used again", arguments: Road.all)
    func repeated(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"), repeatingLast: true)
            let provider = road.dialect.provider(fake, client)
            for _ in 0..<20 {
                let outcome = try await provider.reply(to: request(stream: road.stream)).text
                #expect(outcome == "ok")
            }
            #expect(fake.requests.count == 20)
        }
    }

    @Test("many calls at once each get their own reply", arguments: Road.all)
    func concurrent(road: Road) async throws {
        try await withProviders { fake, client in
            fake.answer { .text("echo \($0.lastUserText)") }
            let provider = road.dialect.provider(fake, client)
            let texts = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<64 {
                    group.addTask {
                        (number, try await provider.reply(to: request([.user("\(number)")], stream: road.stream)).text)
                    }
                }
                return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
            }
            #expect((0..<64).allSatisfy { texts[$0] == "echo \($0)" })
        }
    }

    @Test("a stream without its last word but with a reason to stop is complete")
    func withoutDone() async throws {
        try await withProviders { fake, client in
            fake.play(
                .raw(
                    contentType: "text/event-stream",
                    body: """
                        data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":null}]}

                        data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}


                        """))
            let outcome = try await Dialect.openAI.provider(fake, client).reply(to: request(stream: true)).text
            #expect(outcome == "ok")
        }
    }

    @Test("pieces of tool calls without an index find their call")
    func withoutIndex() async throws {
        try await withProviders { fake, client in
            fake.play(
                .raw(
                    contentType: "text/event-stream",
                    body: """
                        data: {"choices":[{"delta":{"tool_calls":[{"id":"1","function":{"name":"a","arguments":"{\\"x\\""}}]}}]}

                        data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}

                        data: {"choices":[{"delta":{"tool_calls":[{"id":"2","function":{"name":"b","arguments":"{}"}}]}}]}

                        data: [DONE]


                        """))
            let reply = try await Dialect.openAI.provider(fake, client).reply(to: request(stream: true))
            #expect(reply.toolCalls.map(\.name) == ["a", "b"])
            #expect(reply.toolCalls.map(\.arguments) == [["x": 1], [:]])
        }
    }
}
