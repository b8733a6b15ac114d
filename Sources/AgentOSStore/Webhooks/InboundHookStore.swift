import AgentOSCore
import Crypto

/// Links by which other systems start an agent's runs. The secret part of a link is kept as a digest.
public final class InboundHookStore: Sendable {
    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let vault: Vault

    public init(database: any Database, committer: GroupCommit, clock: WallClock, vault: Vault) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.vault = vault
    }

    /// How a sender signs: `agentos` (X-AgentOS-Signature), `github` (X-Hub-Signature-256) or `stripe`
    /// (Stripe-Signature).
    public static let styles = ["agentos", "github", "stripe"]

    private static func digest(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

    /// Makes a new link; an older one stops working.
    /// - Returns: its secret part, which is not kept.
    /// - Parameter template: a path in the body for each member of the input; nil takes the body as it is.
    public func create(agent: Agent, secret: String?, style: String, template: JSONObject?) async throws -> String {
        let now = clock.now()
        let token = RandomText.alphanumeric(32)
        let sealed = try secret.map { try vault.seal($0, context: "inbound:\(agent.id)") }
        try await committer.write(
            audit: .row("inbound webhook", in: "inbound_hooks", where: "agent_key = $1", [.int(agent.key)])
        ) { connection in
            try connection.run(
                """
                INSERT INTO inbound_hooks (agent_key, token_digest, secret, style, created_at, template)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (agent_key) DO UPDATE SET token_digest = excluded.token_digest,
                  secret = excluded.secret, style = excluded.style, template = excluded.template,
                  created_at = excluded.created_at
                """,
                [
                    .int(agent.key), .blob(Self.digest(token)), sealed.map(SQLValue.blob) ?? .null, .text(style),
                    .time(now), .json(template.map(JSONValue.object)),
                ])
        }
        return token
    }

    public func delete(agent: Agent) async throws {
        try await committer.write(
            audit: .row("inbound webhook", in: "inbound_hooks", where: "agent_key = $1", [.int(agent.key)])
        ) { connection in
            try connection.run("DELETE FROM inbound_hooks WHERE agent_key = $1", [.int(agent.key)])
        }
    }

    /// What a link leads to.
    /// - Throws: NOT_FOUND for a wrong link.
    public func open(
        agent id: AgentID, token: String
    ) async throws -> (workspace: Int64, style: String, secret: String?, template: JSONObject?) {
        let row = try await database.read { connection in
            try connection.row(
                """
                SELECT a.workspace_key, h.style, h.secret, h.template FROM inbound_hooks h JOIN agents a ON a.key = h.agent_key
                WHERE h.token_digest = $1 AND a.id = $2 AND a.deleted_at IS NULL
                """, [.blob(Self.digest(token)), .id(id)]
            ) { (try $0.requiredInt(0), try $0.requiredText(1), $0.bytes(2), $0.json(3)?.objectValue) }
        }
        guard let row else { throw AgentOSError.notFound("webhook") }
        return (row.0, row.1, try row.2.map { try vault.open($0, context: "inbound:\(id)") }, row.3)
    }
}
