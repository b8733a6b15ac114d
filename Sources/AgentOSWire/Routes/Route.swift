import AgentOSCore

/// Every path of the server, once: the edge parses requests into it, links are made from it.
public enum Route: Sendable, Hashable {
    public enum IngestCall: String, Sendable, CaseIterable {
        case runStart = "run/start"
        case events = "events"
        case runComplete = "run/complete"
        case runFail = "run/fail"
        case runCancel = "run/cancel"
        case tasks = "tasks"
        case humanInput = "human-input/request"
    }

    case ingest(IngestCall)
    case invoke(AgentID)
    /// Answers the run's one pending question.
    case humanInput(RunID)
    /// Answers one question by its id.
    case reply(RunID)
    /// A run's frames as server-sent events, from any place on.
    case runStream(RunID)
    case approvals
    case decide(ApprovalID)
    case rpc(String)
    /// The control plane for assistants.
    case mcp
    /// Starts a run from another system.
    case hook(AgentID, token: String)
    /// Committed events as they come (server-sent events).
    case tail
    case healthz, readyz, metrics
    /// What the interface looks like, for programs and for people.
    case openAPI, reference
    /// A link with which somebody joins a workspace.
    case invite(token: String)

    public static let ingestPrefix = "/api/ingest/v1/"
    public static let rpcPrefix = "/api/v1/rpc/"
    public static let agentsPrefix = "/api/v1/agents/"
    public static let runsPrefix = "/api/v1/runs/"
    public static let approvalsPath = "/api/v1/approvals"
    public static let hooksPrefix = "/api/v1/hooks/"
    public static let mcpPath = "/api/mcp"
    public static let tailPath = "/api/v1/tail"
    public static let invitesPrefix = "/invites/"

    /// What a path leads to.
    public enum Match: Sendable {
        case route(Route)
        case unknown
    }

    private static let fixed: [String: Route] = {
        var routes: [String: Route] = [
            "/healthz": .healthz, "/readyz": .readyz, "/metrics": .metrics, tailPath: .tail,
            "/openapi.json": .openAPI, "/docs": .reference,
            approvalsPath: .approvals, mcpPath: .mcp,
        ]
        for call in IngestCall.allCases { routes[ingestPrefix + call.rawValue] = .ingest(call) }
        return routes
    }()

    /// - Parameter path: without query.
    public static func match(_ path: String) -> Match {
        if let route = fixed[path] { return .route(route) }
        if path.hasPrefix(rpcPrefix) {
            let method = path.dropFirst(rpcPrefix.count)
            return method.isEmpty || method.contains("/") ? .unknown : .route(.rpc(String(method)))
        }
        if path.hasPrefix(agentsPrefix) {
            let rest = path.dropFirst(agentsPrefix.count).split(separator: "/", omittingEmptySubsequences: false)
            guard rest.count == 2, rest[1] == "invoke" else { return .unknown }
            return .route(.invoke(AgentID(id(rest[0]))))
        }
        if path.hasPrefix(runsPrefix) {
            let rest = path.dropFirst(runsPrefix.count).split(separator: "/", omittingEmptySubsequences: false)
            guard rest.count == 2, ["human-input", "reply", "stream"].contains(rest[1]) else { return .unknown }
            let run = RunID(id(rest[0]))
            return .route(rest[1] == "reply" ? .reply(run) : rest[1] == "stream" ? .runStream(run) : .humanInput(run))
        }
        if path.hasPrefix(hooksPrefix) {
            let rest = path.dropFirst(hooksPrefix.count).split(separator: "/", omittingEmptySubsequences: false)
            guard rest.count == 2, !rest[1].isEmpty else { return .unknown }
            return .route(.hook(AgentID(id(rest[0])), token: String(rest[1])))
        }
        if path.hasPrefix(invitesPrefix) {
            let token = path.dropFirst(invitesPrefix.count)
            return token.isEmpty || token.contains("/") ? .unknown : .route(.invite(token: String(token)))
        }
        if path.hasPrefix(approvalsPath + "/") {
            let rest = path.dropFirst(approvalsPath.count + 1).split(separator: "/", omittingEmptySubsequences: false)
            guard rest.count == 2, rest[1] == "decide" else { return .unknown }
            return .route(.decide(ApprovalID(id(rest[0]))))
        }
        return .unknown
    }

    /// The id in a path. A malformed one names nothing that could exist, and the all-zero id is nobody's: it is looked for
    /// in its turn, behind the key and everything else that is checked first (contract 1.4).
    private static func id(_ text: Substring) -> UUIDBits { UUIDBits(String(text)) ?? UUIDBits(high: 0, low: 0) }

    public var methods: [String] {
        switch self {
        case .ingest, .invoke, .humanInput, .reply, .decide, .rpc, .mcp, .hook: ["POST"]
        case .runStream, .tail: ["GET"]
        case .approvals, .healthz, .readyz, .metrics, .openAPI, .reference: ["GET", "HEAD"]
        case .invite: ["GET", "HEAD", "POST"]
        }
    }

    /// A name for metrics: no ids, bounded in number.
    public var label: String {
        switch self {
        case .ingest(let call): "ingest/" + call.rawValue
        case .invoke: "invoke"
        case .humanInput: "runs/human-input"
        case .reply: "runs/reply"
        case .runStream: "runs/stream"
        case .approvals: "approvals"
        case .decide: "approvals/decide"
        case .rpc: "rpc"
        case .mcp: "mcp"
        case .hook: "hooks"
        case .tail: "tail"
        case .healthz: "healthz"
        case .readyz: "readyz"
        case .metrics: "metrics"
        case .openAPI: "openapi"
        case .reference: "docs"
        case .invite: "invites"
        }
    }
}
