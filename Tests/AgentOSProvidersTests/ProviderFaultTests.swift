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
    }

    static let statuses = [
        Status(status: 400, kind: .refused, retryable: false),
        Status(status: 401, kind: .unauthorised, retryable: false),
        Status(status: 403, kind: .unauthorised, retryable: false),
        Status(status: 404, kind: .refused, retryable: false),
        Status(status: 413, kind: .refused, retryable: false), Status(status: 429, kind: .rateLimited, retryable: true),
        Status(status: 500, kind: .serverError, retryable: true),
        Status(status: 502, kind: .serverError, retryable: true),
        Status(status: 503, kind: .overloaded, retryable: true),
        Status(status: 529, kind: .overloaded, retryable: true),
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
            #expect(error.isRetryable == status.retryable)
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
            #expect(error?.isRetryable == false)
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
