import AgentOSCore
import Crypto

/// What an agent's link asks of senders, and what it makes of what they send.
public struct InboundHook: Sendable {
    /// What senders sign with; nil: they need not.
    public var secret: String?
    /// One of `InboundHookStore.styles`.
    public var style = "agentos"
    /// A path in the body for each member of the input; nil takes the body as it is.
    public var template: JSONObject?

    public init() {}
}

/// Links by which other systems start an agent's runs. The secret part of a link is kept as a digest.
///
/// Links change in a transaction of the caller's: together with their agent, or not at all.
public final class InboundHookStore: Sendable {
    private let database: any Database
    private let clock: WallClock
    private let vault: Vault

    public init(database: any Database, clock: WallClock, vault: Vault) {
        self.database = database
        self.clock = clock
        self.vault = vault
    }

    /// How a sender signs: `agentos` (X-AgentOS-Signature), `github` (X-Hub-Signature-256) or `stripe`
    /// (Stripe-Signature).
    public static let styles = ["agentos", "github", "stripe"]

    private static func digest(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

    static func context(_ agent: AgentID) -> String { "inbound:\(agent)" }

    private static func target(_ agent: Agent) -> AuditTarget {
        .row("inbound webhook", in: "inbound_hooks", where: "agent_key = $1", [.int(agent.key)])
    }

    /// The agent, and what its link has besides the token: `$1` to `$4`.
    private func values(of hook: InboundHook, _ agent: Agent) throws -> [SQLValue] {
        let sealed = try hook.secret.map { try vault.seal($0, context: Self.context(agent.id)) }
        return [
            .int(agent.key), sealed.map(SQLValue.blob) ?? .null, .text(hook.style),
            .json(hook.template.map(JSONValue.object)),
        ]
    }

    private func decode(_ row: any SQLRow, _ agent: AgentID) throws -> InboundHook {
        var hook = InboundHook()
        hook.secret = try row.bytes(0).map { try vault.open($0, context: Self.context(agent)) }
        hook.style = try row.requiredText(1)
        hook.template = row.json(2)?.objectValue
        return hook
    }

    /// Makes a new link; an older one stops working.
    /// - Returns: its secret part, which is not kept.
    public func make(
        _ hook: InboundHook, agent: Agent, trail: AuditTrail?, _ connection: any SQLConnection
    ) throws -> String {
        let token = RandomText.alphanumeric(32)
        let arguments = try values(of: hook, agent)
        try trail.around(Self.target(agent), connection) { connection in
            try connection.run(
                """
                INSERT INTO inbound_hooks (agent_key, secret, style, template, token_digest, created_at)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (agent_key) DO UPDATE SET secret = excluded.secret,
                  style = excluded.style, template = excluded.template, token_digest = excluded.token_digest,
                  created_at = excluded.created_at
                """, arguments + [.blob(Self.digest(token)), .time(clock.now())])
        }
        return token
    }

    /// Changes what a link asks and makes; it stays the same link.
    /// - Returns: false when the agent has none.
    public func change(
        agent: Agent, trail: AuditTrail?, _ connection: any SQLConnection, _ change: (inout InboundHook) throws -> Void
    ) throws -> Bool {
        let known = try connection.row(
            "SELECT secret, style, template FROM inbound_hooks WHERE agent_key = $1", [.int(agent.key)]
        ) { try decode($0, agent.id) }
        guard var hook = known else { return false }
        try change(&hook)
        let arguments = try values(of: hook, agent)
        try trail.around(Self.target(agent), connection) { connection in
            try connection.run(
                "UPDATE inbound_hooks SET secret = $2, style = $3, template = $4 WHERE agent_key = $1", arguments)
        }
        return true
    }

    public func remove(agent: Agent, trail: AuditTrail?, _ connection: any SQLConnection) throws {
        try trail.around(Self.target(agent), connection) { connection in
            try connection.run("DELETE FROM inbound_hooks WHERE agent_key = $1", [.int(agent.key)])
        }
    }

    /// What a link leads to.
    /// - Throws: NOT_FOUND for a wrong link.
    public func open(agent id: AgentID, token: String) async throws -> (workspace: Int64, hook: InboundHook) {
        let found = try await database.read { [self] connection in
            try connection.row(
                """
                SELECT h.secret, h.style, h.template, a.workspace_key FROM inbound_hooks h
                JOIN agents a ON a.key = h.agent_key
                WHERE h.token_digest = $1 AND a.id = $2 AND a.deleted_at IS NULL
                """, [.blob(Self.digest(token)), .id(id)]
            ) { (workspace: try $0.requiredInt(3), hook: try decode($0, id)) }
        }
        guard let found else { throw AgentOSError.notFound("webhook") }
        return found
    }
}
