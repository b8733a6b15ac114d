import AgentOSCore

/// Somebody who is told of runs by HTTP.
public struct Webhook: Sendable {
    public let key: Int64
    public let id: WebhookID
    public let workspaceKey: Int64
    public let agentID: AgentID?
    /// The URL in an agent's settings.
    public let isSetting: Bool
    public let name: String?
    public let url: String
    public let events: [String]
    public let isEnabled: Bool
    public let disabledAt: Timestamp?
    public let createdAt: Timestamp
}

/// Receivers of events, of an agent or of a whole workspace.
public final class WebhookStore: Sendable {
    /// What can be told.
    public static let events = ["run.started", "run.completed", "run.failed", "approval.requested", "alert.triggered"]
    /// At most so many a workspace, besides those in agents' settings.
    public static let bound = 100

    let database: any Database
    let committer: GroupCommit
    private let clock: WallClock
    private let vault: Vault

    public init(database: any Database, committer: GroupCommit, clock: WallClock, vault: Vault) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.vault = vault
    }

    private static let columns = """
        h.key, h.id, h.workspace_key, a.id, h.is_setting, h.name, h.url, h.events, h.enabled, h.disabled_at, h.created_at
        """

    private static let tables = "webhooks h LEFT JOIN agents a ON a.key = h.agent_key"

    private static func decode(_ row: any SQLRow) throws -> Webhook {
        Webhook(
            key: try row.requiredInt(0), id: WebhookID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
            agentID: row.optionalBits(3).map(AgentID.init), isSetting: row.int(4) == 1, name: row.text(5),
            url: try row.requiredText(6), events: row.json(7)?.arrayValue?.compactMap(\.stringValue) ?? [],
            isEnabled: row.int(8) == 1, disabledAt: row.time(9),
            createdAt: Timestamp(microseconds: try row.requiredInt(10)))
    }

    /// A new secret, in the form of Standard Webhooks.
    public static func newSecret() -> String { "whsec_" + RandomText.alphanumeric(40) }

    static func context(_ id: WebhookID) -> String { "webhook:\(id)" }

    // MARK: - An agent's setting

    /// Sets or clears the URL in an agent's settings, in a transaction of the caller's: with the agent, or not at all. The
    /// one that is set already is enabled again.
    /// - Returns: the new secret when a URL was set that was not set before.
    public func set(
        _ url: String?, agent: Agent, trail: AuditTrail?, _ connection: any SQLConnection
    ) throws -> String? {
        let now = clock.now()
        let id = WebhookID.new(at: now)
        let secret = Self.newSecret()
        let sealed = try vault.seal(secret, context: Self.context(id))
        let target = AuditTarget.row(
            "webhook", in: "webhooks", where: "agent_key = $1 AND is_setting = 1", [.int(agent.key)])
        return try trail.around(target, connection) { connection -> String? in
            let known =
                try connection.row(
                    "SELECT url FROM webhooks WHERE agent_key = $1 AND is_setting = 1", [.int(agent.key)]
                ) { $0.text(0) } ?? nil
            if known == url {
                try connection.run(
                    """
                    UPDATE webhooks SET enabled = 1, failing_since = NULL, disabled_at = NULL
                    WHERE agent_key = $1 AND is_setting = 1 AND enabled = 0
                    """, [.int(agent.key)])
                return nil
            }
            try connection.run("DELETE FROM webhooks WHERE agent_key = $1 AND is_setting = 1", [.int(agent.key)])
            guard let url else { return nil }
            try Self.insert(
                id, workspace: agent.workspaceKey, agent: agent.key, isSetting: true, name: nil, url: url,
                secret: sealed, events: Self.events, now: now, connection)
            return secret
        }
    }

    private static func insert(
        _ id: WebhookID, workspace: Int64, agent: Int64?, isSetting: Bool, name: String?, url: String,
        secret: [UInt8], events: [String], now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try connection.run(
            """
            INSERT INTO webhooks (id, workspace_key, agent_key, is_setting, name, url, secret, events, enabled, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)
            """,
            [
                .id(id), .int(workspace), .optional(agent), .bool(isSetting), .optional(name), .text(url),
                .blob(secret), .json(.array(events.map(JSONValue.string))), .time(now),
            ])
    }

    // MARK: - Those of a workspace

    /// - Returns: the secret, which is shown this once.
    /// - Throws: CONFLICT when there are too many.
    public func create(
        workspace: Int64, agent: Int64?, name: String?, url: String, events: [String]
    ) async throws -> (id: WebhookID, secret: String) {
        let now = clock.now()
        let id = WebhookID.new(at: now)
        let secret = Self.newSecret()
        let sealed = try vault.seal(secret, context: Self.context(id))
        try await committer.write(audit: .row("webhook", in: "webhooks", where: "id = $1", [.id(id)])) { connection in
            let count = try connection.int(
                """
                SELECT COUNT(*) FROM \(Self.tables)
                WHERE h.workspace_key = $1 AND h.is_setting = 0 AND a.deleted_at IS NULL
                """, [.int(workspace)])
            guard (count ?? 0) < Self.bound else {
                throw AgentOSError(.conflict, "A workspace can have \(Self.bound) webhooks.")
            }
            try Self.insert(
                id, workspace: workspace, agent: agent, isSetting: false, name: name, url: url, secret: sealed,
                events: events, now: now, connection)
        }
        return (id, secret)
    }

    /// Oldest first.
    public func list(workspace: Int64, _ page: PageRequest) async throws -> Page<Webhook> {
        let above = try page.key(start: 0)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns) FROM \(Self.tables) WHERE h.workspace_key = $1 AND a.deleted_at IS NULL
                  AND h.key > $2 ORDER BY h.key LIMIT $3
                """, [.int(workspace), .int(above)]
            ) { row in
                let webhook = try Self.decode(row)
                return (webhook, ListPlace(.int(webhook.key)))
            }
        }
    }

    /// - Throws: NOT_FOUND
    public func webhook(_ id: WebhookID, workspace: Int64) async throws -> Webhook {
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT \(Self.columns) FROM \(Self.tables)
                WHERE h.id = $1 AND h.workspace_key = $2 AND a.deleted_at IS NULL
                """, [.id(id), .int(workspace)], Self.decode)
        }
        guard let found else { throw AgentOSError.notFound("webhook") }
        return found
    }

    /// Changes what is given; enabling one again, or another URL, forgets its failures.
    /// - Parameter name: nil leaves it as it is, a nil inside clears it.
    /// - Throws: NOT_FOUND when it was deleted meanwhile.
    public func update(
        _ webhook: Webhook, name: String??, url: String?, events: [String]?, enabled: Bool?
    ) async throws {
        try await committer.write(audit: .row("webhook", in: "webhooks", where: "key = $1", [.int(webhook.key)])) {
            connection in
            let changed = try connection.run(
                """
                UPDATE webhooks SET name = CASE WHEN $6 = 1 THEN $2 ELSE name END, url = COALESCE($3, url),
                  events = COALESCE($4, events), enabled = COALESCE($5, enabled),
                  failing_since = CASE WHEN $5 = 1 OR $3 <> url THEN NULL ELSE failing_since END,
                  disabled_at = CASE WHEN $5 = 1 THEN NULL ELSE disabled_at END WHERE key = $1
                """,
                [
                    .int(webhook.key), .optional(name.flatMap { $0 }), .optional(url),
                    .json(events.map { .array($0.map(JSONValue.string)) }),
                    enabled.map(SQLValue.bool) ?? .null, .bool(name != nil),
                ])
            guard changed > 0 else { throw AgentOSError.notFound("webhook") }
        }
    }

    public func delete(_ webhook: Webhook) async throws {
        try await committer.write(audit: .row("webhook", in: "webhooks", where: "key = $1", [.int(webhook.key)])) {
            connection in
            try connection.run("DELETE FROM webhooks WHERE key = $1", [.int(webhook.key)])
        }
    }

    /// Where a delivery goes; nil when its receiver is gone or disabled.
    static func target(hook: Int64, _ connection: any SQLConnection) throws -> DeliveryTarget? {
        try connection.row("SELECT id, url, secret FROM webhooks WHERE key = $1 AND enabled = 1", [.int(hook)]) {
            DeliveryTarget(
                url: try $0.requiredText(1), sealed: $0.bytes(2) ?? [], context: context(WebhookID(try $0.bits(0))))
        }
    }
}
