import AgentOSCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A model provider on a free port of this machine that speaks the real wire formats of Anthropic
/// (`/v1/messages`) and OpenAI (`/v1/chat/completions`) and plays what it is told, without delay.
///
/// Requests that the real providers would refuse are answered with 400 in the provider's words.
public final class FakeProvider: Sendable {
    public let port: Int

    /// For `ANTHROPIC_BASE_URL`.
    public var anthropicBaseURL: String { "http://127.0.0.1:\(port)" }
    /// For `OPENAI_BASE_URL`.
    public var openAIBaseURL: String { "http://127.0.0.1:\(port)/v1" }

    private let state: FakeState

    fileprivate init(port: Int, state: FakeState) {
        self.port = port
        self.state = state
    }

    /// The replies to come, one a request. When they run out, a request is refused, or gets the last one again.
    public func play(_ steps: FakeStep..., repeatingLast: Bool = false) {
        state.change {
            $0.steps += steps
            $0.repeatsLast = repeatingLast
        }
    }

    /// Makes each reply out of its request; goes before `play`.
    public func answer(_ answer: @escaping @Sendable (FakeRequest) -> FakeStep) {
        state.change { $0.answer = answer }
    }

    /// Serves pages at all other paths, for clients that are no model clients. Only `raw` steps can be served.
    public func serve(_ page: @escaping @Sendable (FakeVisit) -> FakeStep) { state.change { $0.page = page } }

    /// The visits of those pages.
    public var visits: [FakeVisit] { state.visits }

    /// How many connections requests have come over so far.
    public var connections: Int { state.connections }

    /// What has come in so far.
    public var requests: [FakeRequest] { state.requests }

    /// Waits until that many requests have come in.
    public func waitForRequests(_ count: Int) async { await state.wait { $0.count >= count } }

    /// Waits until the client of that request has closed its connection.
    public func waitUntilClientLeft(_ index: Int = 0) async {
        await state.wait { $0.indices.contains(index) && $0[index].clientLeft }
    }
}

/// Runs a `FakeProvider` for as long as `body` takes.
public func withFakeProvider<Result>(_ body: (FakeProvider) async throws -> Result) async throws -> Result {
    let state = FakeState()
    let (ports, source) = AsyncStream<Int>.makeStream()
    var logger = Logger(label: "fake-provider")
    logger.logLevel = .critical
    let application = Application(
        responder: CallbackResponder { (request: Request, context: FakeContext) in
            state.note(connection: context.client)
            return try await FakeAnswering(state: state).respond(to: request)
        },
        configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { channel in source.yield(channel.localAddress?.port ?? 0) },
        logger: logger)
    // Shut down in order below and not waited for: cancelling it would end connections that are just being accepted
    // in a way that NIO traps on.
    let services = ServiceGroup(configuration: .init(services: [application], logger: logger))
    Task { try await services.run() }
    var iterator = ports.makeAsyncIterator()
    let port = await iterator.next() ?? 0
    do {
        let result = try await body(FakeProvider(port: port, state: state))
        await services.triggerGracefulShutdown()
        return result
    } catch {
        await services.triggerGracefulShutdown()
        throw error
    }
}

/// Knows which connection a request came over.
private struct FakeContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let client: String

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        client = source.channel.remoteAddress?.description ?? ""
    }
}

/// The script and the record of one `FakeProvider`.
final class FakeState: Sendable {
    struct Contents {
        var steps: [FakeStep] = []
        var repeatsLast = false
        var answer: (@Sendable (FakeRequest) -> FakeStep)?
        var requests: [FakeRequest] = []
        var page: (@Sendable (FakeVisit) -> FakeStep)?
        var visits: [FakeVisit] = []
        var connections: Set<String> = []
        var waiting: [(isMet: @Sendable ([FakeRequest]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let contents = Mutex(Contents())

    var requests: [FakeRequest] { contents.withLock { $0.requests } }

    var visits: [FakeVisit] { contents.withLock { $0.visits } }

    var connections: Int { contents.withLock { $0.connections.count } }

    func note(connection: String) { contents.withLock { _ = $0.connections.insert(connection) } }

    func take(_ visit: FakeVisit) -> FakeStep? {
        let page = contents.withLock { contents in
            contents.visits.append(visit)
            return contents.page
        }
        return page?(visit)
    }

    func change(_ change: (inout sending Contents) -> Void) { contents.withLock { change(&$0) } }

    /// Records the request and says what to reply.
    func take(_ request: FakeRequest) -> (index: Int, step: FakeStep) {
        let (index, step, answer, met) = contents.withLock { contents in
            contents.requests.append(request)
            var step: FakeStep?
            if contents.answer == nil {
                step = contents.steps.first
                if contents.steps.count > 1 || !contents.repeatsLast {
                    contents.steps = Array(contents.steps.dropFirst())
                }
            }
            return (contents.requests.count - 1, step, contents.answer, Self.met(&contents))
        }
        for continuation in met { continuation.resume() }
        return (index, answer?(request) ?? step ?? .error(400, "the script has no more replies"))
    }

    func clientLeft(_ index: Int) {
        let met = contents.withLock { contents in
            contents.requests[index].clientLeft = true
            return Self.met(&contents)
        }
        for continuation in met { continuation.resume() }
    }

    func wait(_ isMet: @escaping @Sendable ([FakeRequest]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let now = contents.withLock { contents in
                if isMet(contents.requests) { return true }
                contents.waiting.append((isMet, continuation))
                return false
            }
            if now { continuation.resume() }
        }
    }

    private static func met(_ contents: inout Contents) -> [CheckedContinuation<Void, Never>] {
        let requests = contents.requests
        let met = contents.waiting.filter { $0.isMet(requests) }.map(\.continuation)
        if !met.isEmpty { contents.waiting.removeAll { $0.isMet(requests) } }
        return met
    }
}
