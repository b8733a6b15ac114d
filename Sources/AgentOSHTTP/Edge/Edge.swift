import AgentOSAutomation
import AgentOSCore
import AgentOSControl
import AgentOSRuntime
import AgentOSStore
import AgentOSWire
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// What the edge serves.
public struct EdgeServices: Sendable {
    public var agents: AgentStore
    public var keys: KeyStore
    public var workspaces: WorkspaceStore
    public var runs: RunStore
    public var tasks: TaskStore
    public var humanInput: HumanInputStore
    public var log: EventLog
    public var feed: LiveFeed
    public var admission: Admission
    public var runtime: Runtime
    public var registry: OperationRegistry
    public var members: MemberStore
    public var documents: Documents
    public var mcp: MCPServer
    public var automation: Automation
    public var clock: WallClock
    /// Numbers of the other parts, for `/metrics`.
    public var gauges: @Sendable () async -> [Metrics.Gauge]
    /// Nil when ready; else why not.
    public var unreadiness: @Sendable () async -> String?

    public init(
        agents: AgentStore, keys: KeyStore, workspaces: WorkspaceStore, runs: RunStore, tasks: TaskStore,
        humanInput: HumanInputStore, log: EventLog, feed: LiveFeed, admission: Admission,
        runtime: Runtime, registry: OperationRegistry, members: MemberStore,
        documents: Documents, mcp: MCPServer, automation: Automation, clock: WallClock,
        gauges: @escaping @Sendable () async -> [Metrics.Gauge],
        unreadiness: @escaping @Sendable () async -> String?
    ) {
        self.agents = agents
        self.keys = keys
        self.workspaces = workspaces
        self.runs = runs
        self.tasks = tasks
        self.humanInput = humanInput
        self.log = log
        self.feed = feed
        self.admission = admission
        self.runtime = runtime
        self.registry = registry
        self.members = members
        self.documents = documents
        self.mcp = mcp
        self.automation = automation
        self.clock = clock
        self.gauges = gauges
        self.unreadiness = unreadiness
    }
}

/// The one HTTP responder: path, key, rate, body, then the route's own work. The only place that renders errors.
public struct Edge: HTTPResponder {
    public typealias Context = EdgeContext

    let services: EdgeServices
    let configuration: EdgeConfiguration
    let metrics: Metrics
    let bodies: BodyReader
    let rounds = WriteRounds()
    private let authenticator: Authenticator
    private let ingestLimiter: RateLimiter<Int64>
    private let invokeLimiter: RateLimiter<Int64>
    private let controlLimiter: RateLimiter<Int64>
    private let hookLimiter: RateLimiter<AgentID>
    let logger: Logger

    public init(_ services: EdgeServices, configuration: EdgeConfiguration, metrics: Metrics, logger: Logger) {
        self.services = services
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        bodies = BodyReader(budget: configuration.maximumBodiesInFlight)
        authenticator = Authenticator(keys: services.keys, configuration: configuration)
        ingestLimiter = RateLimiter(perMinute: configuration.ingestLimit)
        invokeLimiter = RateLimiter(perMinute: configuration.invokeLimit)
        controlLimiter = RateLimiter(perMinute: configuration.controlLimit)
        hookLimiter = RateLimiter(perMinute: configuration.invokeLimit)
    }

    public func respond(to request: Request, context: EdgeContext) async throws -> Response {
        let began = monotonicNanoseconds()
        var fields = HTTPFields()
        let requestID = Self.requestID(request)
        fields[Header.requestID] = requestID
        var label = "unknown"
        var reply: Reply
        do {
            let route = try Self.route(of: request, &label)
            reply = try await answer(route, request, context, &fields)
        } catch let error as AgentOSError {
            reply = .error(error)
            if error.code == .methodNotAllowed, case .route(let route) = Self.match(request) {
                reply.headers.append((Header.allow, route.methods.joined(separator: ", ")))
            }
        } catch let error as HTTPParserError {
            throw error
        } catch {
            logger.error(
                "unexpected error",
                metadata: [
                    "request_id": .string(requestID), "route": .string(label), "error": .string(Self.describe(error)),
                ])
            reply = .error(AgentOSError(.internal, "Something went wrong in the server."))
        }
        if reply.status >= 400 { closeAfterUnreadBody(request, context, &fields) }
        let seconds = Double(monotonicNanoseconds() &- began) / 1e9
        metrics.record(route: label, status: reply.status, seconds: seconds)
        let level: Logger.Level = reply.status >= 500 ? .warning : .debug
        if logger.logLevel <= level {
            logger.log(
                level: level, "request",
                metadata: [
                    "request_id": .string(requestID), "method": .string(request.method.rawValue),
                    "route": .string(label), "status": .stringConvertible(reply.status),
                    "milliseconds": .string("\((seconds * 10_000).rounded() / 10)"),
                ])
        }
        return reply.response(fields, isHead: request.method == .head)
    }

    /// Types and codes only: an error's text can hold what a caller sent.
    private static func describe(_ error: any Error) -> String {
        if let error = error as? StoreError { return "\(error)" }
        return "\(type(of: error))"
    }

    private static func match(_ request: Request) -> Route.Match {
        let target = request.head.path ?? "/"
        return Route.match(String(target.prefix { $0 != "?" }))
    }

    private static func route(of request: Request, _ label: inout String) throws -> Route {
        switch match(request) {
        case .unknown: throw AgentOSError(.notFound, "There is nothing at this path.")
        case .route(let route):
            label = route.label
            guard route.methods.contains(request.method.rawValue) else {
                throw AgentOSError(
                    .methodNotAllowed, "Use \(route.methods.joined(separator: " or ")) for this path.")
            }
            return route
        }
    }

    private static func requestID(_ request: Request) -> String {
        if let given = request.headers[Header.requestID], !given.isEmpty, given.utf8.count <= 128,
            given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        {
            return given
        }
        return UUIDBits.v7(at: Timestamp(microseconds: Int64(monotonicNanoseconds() / 1000))).text
    }

    /// An early answer leaves a body unread. A small one is passed over by the server; for a large one the connection
    /// is given two seconds for the answer to arrive and then closed.
    private func closeAfterUnreadBody(_ request: Request, _ context: EdgeContext, _ fields: inout HTTPFields) {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        guard length ?? (request.headers[.transferEncoding] == nil ? 0 : Int.max) > 1 << 20 else { return }
        fields[.connection] = "close"
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(mode: .all, promise: nil) }
    }

    private func answer(
        _ route: Route, _ request: Request, _ context: EdgeContext, _ fields: inout HTTPFields
    ) async throws -> Reply {
        switch route {
        case .healthz: return .data { $0.raw("{\"status\":\"ok\"}") }
        case .readyz: return await readiness()
        case .openAPI: return Reply(services.documents.openAPI.json)
        case .reference: return .page(services.documents.reference.html)
        case .invite(let token): return try await invite(token, request)
        case .metrics: return await metricsText()
        case .ingest(let call):
            let principal = try await admitted(request, context, ingestLimiter, &fields)
            return try await ingest(call, request, principal)
        case .invoke(let agent):
            let principal = try await admitted(request, context, invokeLimiter, &fields)
            return try await invoke(agent, request, principal, context.channel)
        case .humanInput(let run):
            let principal = try await admitted(request, context, invokeLimiter, &fields)
            return try await humanAnswer(run, request, principal, namesRequest: false)
        case .reply(let run):
            let principal = try await admitted(request, context, invokeLimiter, &fields)
            return try await humanAnswer(run, request, principal, namesRequest: true)
        case .runStream(let run):
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await runStream(run, request, principal, context.channel)
        case .approvals:
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await approvals(request, principal)
        case .decide(let approval):
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await decide(approval, request, principal)
        case .rpc(let method):
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await rpc(method, request, principal)
        case .hook(let agent, let token):
            let link = try await authenticator.opening(for: request, context) {
                try await services.automation.link(agent: agent, token: token)
            }
            try Self.take(from: hookLimiter, agent, of: "link", &fields)
            return try await authenticator.opening(for: request, context) { try await hook(link, request) }
        case .mcp:
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await mcp(request, principal)
        case .tail:
            let principal = try await admitted(request, context, controlLimiter, &fields)
            return try await tail(request, principal)
        }
    }

    /// The key first, then its rate, before any work.
    private func admitted(
        _ request: Request, _ context: EdgeContext, _ limiter: RateLimiter<Int64>, _ fields: inout HTTPFields
    ) async throws -> Principal {
        let principal = try await authenticator.principal(of: request, context)
        try Self.take(from: limiter, principal.keyKey, of: "key", &fields)
        return principal
    }

    /// Takes a request's token and tells of the limit in the answer's headers.
    /// - Parameter noun: what the limit belongs to.
    private static func take<Key: Hashable & Sendable>(
        from limiter: RateLimiter<Key>, _ key: Key, of noun: String, _ fields: inout HTTPFields
    ) throws {
        guard let verdict = limiter.take(key) else { return }
        fields[Header.limit] = "\(verdict.limit)"
        fields[Header.remaining] = "\(verdict.remaining)"
        fields[Header.reset] = "\(verdict.reset)"
        guard verdict.allowed else {
            throw AgentOSError(
                .rateLimited, "Too many requests: the limit of this \(noun) is \(verdict.limit) a minute.",
                retryAfter: verdict.retryAfter)
        }
    }

    /// New data is taken only while there is room for it. Runs are asked about where they begin, by `Runtime`.
    func admitNewData() throws { try services.admission.check() }

    // MARK: - The server's own state

    private func readiness() async -> Reply {
        if let problem = await services.unreadiness() {
            return .error(AgentOSError(.unavailable, problem, retryAfter: 1))
        }
        return .data { $0.raw("{\"status\":\"ready\"}") }
    }

    private func metricsText() async -> Reply {
        let own = [
            Metrics.Gauge(
                "agentos_request_bytes_in_flight", "Bytes of request bodies in memory.", Double(bodies.bytesInFlight))
        ]
        var reply = Reply(Array(metrics.text(own + (await services.gauges())).utf8))
        reply.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return reply
    }
}
