import AgentOSCore
import AgentOSProviders
import AgentOSTestSupport
import Synchronization
import Testing

@Suite("Trying again", .timeLimit(.minutes(1)))
struct RetryingProviderTests {
    private final class Waits: Sendable {
        private let seconds = Mutex<[Double]>([])
        var all: [Double] { seconds.withLock { $0 } }
        func add(_ wait: Double) { seconds.withLock { $0.append(wait) } }
    }

    /// Plays results one after the other and writes down the waits.
    private final class Script: ModelProvider {
        private let state: Mutex<(left: [Result<ModelReply, any Error>], calls: Int)>
        private let waits = Waits()
        let text: String?

        init(_ results: [Result<ModelReply, any Error>], text: String? = nil) {
            state = Mutex((results, 0))
            self.text = text
        }

        var calls: Int { state.withLock { $0.calls } }
        var waited: [Double] { waits.all }

        func reply(
            to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
        ) async throws -> ModelReply {
            if let text { onText([text]) }
            return try state.withLock { state in
                state.calls += 1
                return state.left.count > 1 ? state.left.removeFirst() : state.left[0]
            }.get()
        }

        var retrying: RetryingProvider {
            RetryingProvider(self, jitter: { 1 }, sleep: { self.waits.add($0) })
        }
    }

    private static let ok = Result<ModelReply, any Error>.success(ModelReply(text: "ok"))
    private static func failed(_ kind: ProviderError.Kind, after: Double? = nil, repeats: Int? = nil)
        -> Result<ModelReply, any Error>
    {
        .failure(ProviderError(kind, "no", retryAfter: after, repeats: repeats))
    }

    @Test(
        "faults that pass are tried twice more, with growing waits",
        arguments: [ProviderError.Kind.rateLimited, .overloaded, .serverError, .unreachable])
    func schedule(kind: ProviderError.Kind) async throws {
        let script = Script([Self.failed(kind)])
        let outcome = try await script.retrying.failure(of: request())?.kind
        #expect(outcome == kind)
        #expect(script.calls == 3)
        #expect(script.waited == [0.5, 1])
    }

    @Test("what a try that failed used is part of what the call used", arguments: [true, false])
    func usage(succeeds: Bool) async throws {
        try await withProviders { fake, client in
            let half = #"{"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":2}}}"#
            fake.play(.raw(body: "data: \(half)\n\n"), succeeds ? .text("ok") : .raw(body: "data: \(half)\n\n"))
            let provider = RetryingProvider(Dialect.anthropic.provider(fake, client), sleep: { _ in })
            guard succeeds else {
                let error = try await provider.failure(of: request(stream: true))
                #expect(error?.usage == TokenUsage(input: 6, output: 4))
                return
            }
            let reply = try await provider.reply(to: request(stream: true))
            #expect(reply.usage == TokenUsage(input: 14, output: 9))
        }
    }

    @Test("the second try can succeed")
    func second() async throws {
        let script = Script([Self.failed(.overloaded), Self.ok])
        let outcome = try await script.retrying.reply(to: request()).text
        #expect(outcome == "ok")
        #expect(script.waited == [0.5])
    }

    @Test(
        "what the provider asks for is honoured", arguments: [(0, 0), (1.5, 1.5), (30, 30), (-5, 0)])
    func retryAfter(asked: Double, waited: Double) async throws {
        let script = Script([Self.failed(.rateLimited, after: asked), Self.ok])
        _ = try await script.retrying.reply(to: request())
        #expect(script.waited == [waited])
    }

    @Test(
        "a provider that asks for more than half a minute is not called again",
        arguments: [ProviderError.Kind.rateLimited, .overloaded], [30.5, 3600])
    func tooLong(kind: ProviderError.Kind, asked: Double) async throws {
        let script = Script([Self.failed(kind, after: asked), Self.ok])
        let error = try await script.retrying.failure(of: request())
        #expect(error?.kind == kind && error?.retryAfter == asked)
        #expect(script.calls == 1 && script.waited.isEmpty)
    }

    @Test("a refusal is final", arguments: [ProviderError.Kind.refused, .unauthorised, .malformed])
    func refusal(kind: ProviderError.Kind) async throws {
        let script = Script([Self.failed(kind), Self.ok])
        let outcome = try await script.retrying.failure(of: request())?.kind
        #expect(outcome == kind)
        #expect(script.calls == 1)
    }

    @Test("a reply that broke off is tried once more")
    func brokenOff() async throws {
        let script = Script([Self.failed(.malformed, repeats: 1)])
        let outcome = try await script.retrying.failure(of: request())?.kind
        #expect(outcome == .malformed)
        #expect(script.calls == 2)
    }

    @Test("nothing is tried again once text was passed on")
    func delivered() async throws {
        let script = Script([Self.failed(.unreachable), Self.ok], text: "a")
        let pieces = Pieces()
        let outcome = try await script.retrying.failure(of: request(stream: true), onText: { pieces.add($0) })?.kind
        #expect(outcome == .unreachable)
        #expect(script.calls == 1)
        #expect(pieces.all == ["a"])
    }

    @Test("cancelling ends a wait at once and is not an error of the provider")
    func cancellation() async throws {
        let script = Script([Self.failed(.overloaded)])
        let waiting = FakeGate()
        let never = FakeGate()
        let provider = RetryingProvider(
            script,
            sleep: { _ in
                waiting.open()
                try await never.wait()
            })
        let call = Task { try await provider.reply(to: request()) }
        try await waiting.wait()
        call.cancel()
        let result = await call.result
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(script.calls == 1)
    }

    @Test("a cancelled call is passed on as cancelled")
    func cancelledCall() async throws {
        let script = Script([.failure(CancellationError())])
        await #expect(throws: CancellationError.self) { try await script.retrying.reply(to: request()) }
        #expect(script.calls == 1)
    }

    @Test(
        "Retry-After is read as seconds and as a date",
        arguments: [
            ("3", 3.0), ("0.5", 0.5), ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sun, 06 Nov 1994 08:49:07 GMT", 0),
            ("soon", nil), ("Sun, 06 Foo 1994 08:49:47 GMT", nil), ("", nil), ("nan", nil),
        ])
    func header(value: String, seconds: Double?) async throws {
        try await withProviders { fake, client in
            let now = try #require(Timestamp(iso8601: "1994-11-06T08:49:37Z"))
            let credentials = ProviderCredentials(apiKey: "k", baseURL: fake.anthropicBaseURL, guarded: false)
            let provider = AnthropicMessages(client: client, credentials: credentials, clock: WallClock { now })
            fake.play(.error(429, retryAfter: value))
            let outcome = try await provider.failure(of: request())?.retryAfter
            #expect(outcome == seconds)
        }
    }

    @Test("over the wire: rate limited, then a reply", arguments: Road.all)
    func wire(road: Road) async throws {
        try await withProviders { fake, client in
            fake.play(.error(429, retryAfter: "1"), .text("second try"))
            let waits = Waits()
            let provider = RetryingProvider(
                road.dialect.provider(fake, client), sleep: { waits.add($0) })
            let outcome = try await provider.reply(to: request(stream: road.stream)).text
            #expect(outcome == "second try")
            #expect(waits.all == [1])
            #expect(fake.requests.count == 2)
        }
    }
}
