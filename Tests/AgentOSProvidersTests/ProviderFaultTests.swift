import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSTestSupport
import Testing

@Suite("Faults of the providers", .timeLimit(.minutes(1)))
struct ProviderFaultTests {
    struct Status: Sendable {
        let status: Int
        let kind: ProviderError.Kind
        let retryable: Bool
        var falls = false
    }

    static let statuses = [
        Status(status: 400, kind: .refused, retryable: false),
        Status(status: 401, kind: .unauthorised, retryable: false),
        Status(status: 403, kind: .unauthorised, retryable: false),
        Status(status: 404, kind: .modelNotFound, retryable: false, falls: true),
        Status(status: 413, kind: .refused, retryable: false),
        Status(status: 429, kind: .rateLimited, retryable: true, falls: true),
        Status(status: 500, kind: .serverError, retryable: true, falls: true),
        Status(status: 502, kind: .serverError, retryable: true, falls: true),
        Status(status: 503, kind: .overloaded, retryable: true, falls: true),
        Status(status: 529, kind: .overloaded, retryable: true, falls: true),
        Status(status: 302, kind: .refused, retryable: false),
    ]

    @Test("each status has its kind, and the message never holds the key", arguments: statuses, Road.all)
    func status(status: Status, road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.error(status.status, "upstream says no to sk-test-secret-1\nreally", retryAfter: "7"))
            let error = try #require(
                try await road.dialect.provider(fake, client).failure(of: request(stream: road.stream)))
            #expect(error.kind == status.kind)
            #expect(error.status == status.status)
            #expect((error.repeats > 0) == status.retryable)
            #expect(error.canFallBack == status.falls)
            #expect(error.retryAfter == 7)
            #expect(error.message.contains("upstream says no to [redacted] really"))
        }
    }

    @Test("a long message is cut", arguments: Dialect.allCases)
    func longMessage(dialect: Dialect) async throws {
        try await withProviders { fake, client in
            fake.play(.error(400, String(repeating: "long ", count: 10_000)))
            let error = try await dialect.provider(fake, client).failure(of: request())
            #expect((error?.message.count ?? 1000) < 400)
        }
    }

    @Test(
        "what is no reply is malformed and not tried again",
        arguments: [
            "<html>not what you asked for</html>", "", "{}", "[]", "{\"choices\": []}", "{\"content\": 5}",
            "data: x\n\n",
            "data: [DONE]\n\n", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ], Road.all)
    func garbage(body: String, road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.garbage(body))
            let error = try await road.dialect.provider(fake, client).failure(of: request(stream: road.stream))
            #expect(error?.kind == .malformed)
            #expect(error?.repeats == 0)
        }
    }

    @Test("a connection that is cut is an error, whenever it happens", arguments: [0, 1], Road.all)
    func cut(pieces: Int, road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.text(chunks: ["abc ", "def"]).cut(after: pieces))
            let error = try await road.dialect.provider(fake, client).failure(of: request(stream: road.stream))
            #expect(error?.kind == .unreachable || error?.kind == .malformed)
            #expect(error?.repeats == 1)
        }
    }

    @Test("a stream that ends in order but without its last word is malformed", arguments: Dialect.allCases)
    func ended(dialect: Dialect) async throws {
        try await withProviders { fake, client in
            let begin =
                dialect == .anthropic
                ? #"{"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}"#
                : #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#
            fake.play(.raw(contentType: "text/event-stream", body: "data: \(begin)\n\n"))
            let error = try await dialect.provider(fake, client).failure(of: request(stream: true))
            #expect(error?.kind == .malformed)
            #expect(error?.repeats == 1)
        }
    }

    @Test(
        "an error inside a stream has its kind",
        arguments: [
            (
                Dialect.anthropic, #"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
                ProviderError.Kind.overloaded
            ),
            (.anthropic, #"{"type":"error","error":{"type":"api_error","message":"busy"}}"#, .serverError),
            (.openAI, #"{"error":{"type":"server_error","message":"busy"}}"#, .serverError),
            (.openAI, #"{"error":{"code":429,"message":"busy"}}"#, .rateLimited),
        ])
    func innerError(dialect: Dialect, data: String, kind: ProviderError.Kind) async throws {
        try await withProviders { fake, client in
            fake.play(.raw(contentType: "text/event-stream", body: "event: error\ndata: \(data)\n\n"))
            let error = try await dialect.provider(fake, client).failure(of: request(stream: true))
            #expect(error?.kind == kind)
            #expect(error?.message.contains("busy") == true)
        }
    }

    @Test(
        "the code of an error tells more than its status",
        arguments: [
            (403, "model_not_found", ProviderError.Kind.modelNotFound, 0), (429, "insufficient_quota", .rateLimited, 0),
            (429, "rate_limit_exceeded", .rateLimited, 2), (500, "model_not_found", .serverError, 2),
        ])
    func codes(status: Int, code: String, kind: ProviderError.Kind, repeats: Int) async throws {
        try await withProviders { fake, client in
            let body = #"{"error":{"message":"no","type":"x","param":null,"code":"\#(code)"}}"#
            fake.play(.raw(status: status, contentType: "application/json", body: body))
            let error = try await Dialect.openAI.provider(fake, client).failure(of: request())
            #expect(error?.kind == kind)
            #expect(error?.repeats == repeats)
            #expect(error?.canFallBack == true)
        }
    }

    @Test(
        "what the model or a filter declines is refused for good, streamed and not",
        arguments: [
            (Dialect.anthropic, #"{"type":"message","content":[],"stop_reason":"refusal","usage":{}}"#, false),
            (
                .anthropic,
                """
                {"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}

                data: {"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":1}}

                data: {"type":"message_stop"}
                """, true
            ),
            (.openAI, #"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#, false),
            (.openAI, #"{"choices":[{"delta":{"content":"a"},"finish_reason":"content_filter"}]}"#, true),
        ])
    func declined(dialect: Dialect, data: String, stream: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(.raw(body: stream ? "data: \(data)\n\n" : data))
            let error = try await dialect.provider(fake, client).failure(of: request(stream: stream))
            #expect(error?.kind == .refused)
            #expect(error?.repeats == 0)
            #expect(error?.canFallBack == false)
        }
    }

    @Test(
        "what the provider counted of a reply that is none goes with the error",
        arguments: [
            (
                Dialect.anthropic,
                #"{"content":[],"stop_reason":"refusal","usage":{"input_tokens":3,"output_tokens":2}}"#, false
            ),
            (.anthropic, #"{"usage":{"input_tokens":3,"output_tokens":2}}"#, false),
            (
                .anthropic,
                """
                {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}

                data: {"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":2}}

                data: {"type":"message_stop"}
                """, true
            ),
            (
                .anthropic,
                """
                {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":2}}}

                data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}
                """, true
            ),
            (.anthropic, #"{"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":2}}}"#, true),
            (
                .openAI,
                """
                {"choices":[{"message":{"content":""},"finish_reason":"content_filter"}],\
                "usage":{"prompt_tokens":3,"completion_tokens":2}}
                """, false
            ),
            (
                .openAI,
                """
                {"choices":[{"delta":{"content":"a"},"finish_reason":"content_filter"}],\
                "usage":{"prompt_tokens":3,"completion_tokens":2}}
                """, true
            ),
        ])
    func counted(dialect: Dialect, data: String, stream: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(.raw(body: stream ? "data: \(data)\n\n" : data))
            let error = try await dialect.provider(fake, client).failure(of: request(stream: stream))
            #expect(error?.usage == TokenUsage(input: 3, output: 2))
        }
    }

    @Test("where nothing was counted the error says so", arguments: Road.all)
    func uncounted(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.error(500), .garbage())
            for _ in 0..<2 {
                let error = try await road.dialect.provider(fake, client).failure(of: request(stream: road.stream))
                #expect(error != nil && error?.usage == nil)
            }
        }
    }

    @Test("a key is taken out before the message is cut", arguments: Road.all)
    func keyAtTheCut(road: Road) async throws {
        try await withProviders { fake, client in
            let keys = String(repeating: "sk-test-secret-1 ", count: 200)
            fake.play(.error(400, keys))
            let error = try await road.dialect.provider(fake, client).failure(of: request(stream: road.stream))
            #expect(error?.message.contains("[redacted]") == true)
            #expect(error?.message.contains("sk-") == false)
        }
    }

    @Test("nobody at the base URL is unreachable at once", arguments: Road.all)
    func unreachable(road: Road) async throws {
        let client = OutboundClient(policy: OutboundPolicy())
        let credentials = ProviderCredentials(apiKey: "k", baseURL: "http://127.0.0.1:1", guarded: false)
        let provider: any ModelProvider =
            road.dialect == .anthropic
            ? AnthropicMessages(client: client, credentials: credentials)
            : OpenAIChat(client: client, credentials: credentials)
        let error = try await provider.failure(of: request(stream: road.stream))
        await client.shutdown()
        #expect(error?.kind == .unreachable)
        #expect(error?.repeats == 2)
    }

    @Test("cancelling closes the upstream connection, before and within the reply", arguments: [0, 1], Road.all)
    func cancellation(pieces: Int, road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.text(chunks: ["one ", "two"]).waiting(for: FakeGate(), after: pieces))
            let provider = road.dialect.provider(fake, client)
            let seen = FakeGate()
            let call = Task {
                try await provider.reply(to: request(stream: road.stream)) { _ in seen.open() }
            }
            await fake.waitForRequests(1)
            if road.stream, pieces > 0 { try await seen.wait() }
            call.cancel()
            await fake.waitUntilClientLeft()
            let result = await call.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }
}
