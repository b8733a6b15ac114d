import AgentOSCore

/// A rule that raises an alarm.
public struct AlertRule: Sendable {
    public let key: Int64
    public let id: AlertID
    public let workspaceKey: Int64
    public let agentKey: Int64?
    public let agentID: AgentID?
    public var name: String
    public let conditionType: String
    public var conditionConfig: JSONObject
    public var channels: [String]
    public var notificationConfig: JSONObject
    public var isActive: Bool
    public var breachedAt: Timestamp?
    public let lastTriggeredAt: Timestamp?
    public let createdAt: Timestamp

    /// A number of the condition.
    public func number(_ name: String) -> Double? { conditionConfig[name]?.doubleValue }
}

/// Rules, and their firing in the transaction of what they watch.
public final class AlertStore: Sendable {
    public static let evaluateJob = "alert.evaluate"
    /// Rules over a window fire at most once in so many seconds.
    static let quietSeconds = 900.0
    public static let bound = 200

    let database: any Database
    let committer: GroupCommit
    let clock: WallClock
    private let vault: Vault
    private let events: EventAlerts

    init(database: any Database, committer: GroupCommit, clock: WallClock, vault: Vault, events: EventAlerts) {
        self.events = events
        self.database = database
        self.committer = committer
        self.clock = clock
        self.vault = vault
    }

    private static let columns = """
        l.key, l.id, l.workspace_key, l.agent_key, a.id, l.name, l.condition_type, l.condition_config, l.channels,
        l.notification_config, l.active, l.breached_at, l.last_triggered_at, l.created_at
        """

    private static let tables = "alert_rules l LEFT JOIN agents a ON a.key = l.agent_key"

    static func decode(_ row: any SQLRow) throws -> AlertRule {
        AlertRule(
            key: try row.requiredInt(0), id: AlertID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
            agentKey: row.int(3), agentID: row.optionalBits(4).map(AgentID.init), name: try row.requiredText(5),
            conditionType: try row.requiredText(6), conditionConfig: row.json(7)?.objectValue ?? JSONObject(),
            channels: row.json(8)?.arrayValue?.compactMap(\.stringValue) ?? [],
            notificationConfig: row.json(9)?.objectValue ?? JSONObject(), isActive: row.int(10) == 1,
            breachedAt: row.time(11), lastTriggeredAt: row.time(12),
            createdAt: Timestamp(microseconds: try row.requiredInt(13)))
    }

    /// Active rules of a workspace that watch this agent.
    static func watching(
        workspace: Int64, agent: Int64, _ connection: any SQLConnection
    ) throws -> [AlertRule] {
        try connection.rows(
            """
            SELECT \(columns) FROM \(tables)
            WHERE l.workspace_key = $1 AND l.active = 1 AND (l.agent_key IS NULL OR l.agent_key = $2)
            """, [.int(workspace), .int(agent)], decode)
    }

    /// Oldest first.
    public func list(
        workspace: Int64, activeOnly: Bool, _ page: PageRequest
    ) async throws -> Page<AlertRule> {
        let above = try page.key(start: 0)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns) FROM \(Self.tables) WHERE l.workspace_key = $1 AND a.deleted_at IS NULL
                  AND ($2 = 0 OR l.active = 1) AND l.key > $3 ORDER BY l.key LIMIT $4
                """, [.int(workspace), .bool(activeOnly), .int(above)]
            ) { row in
                let rule = try Self.decode(row)
                return (rule, ListPlace(.int(rule.key)))
            }
        }
    }

    /// - Throws: NOT_FOUND
    public func rule(_ id: AlertID, workspace: Int64) async throws -> AlertRule {
        try await database.read { try Self.rule(id, workspace: workspace, $0) }
    }

    private static func rule(
        _ id: AlertID, workspace: Int64, _ connection: any SQLConnection
    ) throws -> AlertRule {
        let found = try connection.row(
            """
            SELECT \(columns) FROM \(tables) WHERE l.id = $1 AND l.workspace_key = $2 AND a.deleted_at IS NULL
            """, [.id(id), .int(workspace)], decode)
        guard let found else { throw AgentOSError.notFound("alert") }
        return found
    }

    func rule(key: Int64) async throws -> AlertRule? {
        try await database.read { connection in
            try connection.row(
                "SELECT \(Self.columns) FROM \(Self.tables) WHERE l.key = $1 AND a.deleted_at IS NULL", [.int(key)],
                Self.decode)
        }
    }

    static func context(_ id: AlertID) -> String { "alert:\(id)" }

    /// - Returns: the new rule's id and, with a webhook channel, the secret it signs with, shown this once.
    public func create(
        workspace: Int64, agent: Int64?, name: String, type: String, config: JSONObject, channels: [String],
        notification: JSONObject
    ) async throws -> (id: AlertID, secret: String?) {
        let now = clock.now()
        let id = AlertID.new(at: now)
        let secret = channels.contains("webhook") ? WebhookStore.newSecret() : nil
        let sealed = try secret.map { try vault.seal($0, context: Self.context(id)) }
        try await committer.write(audit: .row("alert rule", in: "alert_rules", where: "id = $1", [.id(id)])) {
            connection in
            let count = try connection.int(
                "SELECT COUNT(*) FROM \(Self.tables) WHERE l.workspace_key = $1 AND a.deleted_at IS NULL",
                [.int(workspace)])
            guard (count ?? 0) < Self.bound else {
                throw AgentOSError(.conflict, "A workspace can have \(Self.bound) alert rules.")
            }
            let key = try connection.row(
                """
                INSERT INTO alert_rules (id, workspace_key, agent_key, name, condition_type, condition_config, channels,
                  notification_config, secret, active, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) RETURNING key
                """,
                [
                    .id(id), .int(workspace), .optional(agent), .text(name), .text(type), .json(.object(config)),
                    .json(.array(channels.map(JSONValue.string))), .json(.object(notification)),
                    sealed.map(SQLValue.blob) ?? .null, .time(now),
                ]
            ) { try $0.requiredInt(0) }
            guard let key else { throw StoreError.damaged("a new rule") }
            self.events.forget()
            if type == "no_runs" { try Self.arm(key, at: now.advanced(bySeconds: 60), now: now, connection) }
        }
        return (id, secret)
    }

    /// Reads, changes and writes a rule in one transaction, so that two updates at once both count. A rule that gets
    /// another condition, or is switched on, is looked at anew.
    /// - Returns: the rule as it is then, and a secret when a webhook channel came to it.
    /// - Throws: NOT_FOUND; whatever `change` throws.
    public func update(
        _ id: AlertID, workspace: Int64, _ change: @escaping @Sendable (inout AlertRule) throws -> Void
    ) async throws -> (rule: AlertRule, secret: String?) {
        let now = clock.now()
        return try await committer.write(
            audit: .row(
                "alert rule", in: "alert_rules", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { [vault, events] connection -> (rule: AlertRule, secret: String?) in
            let before = try Self.rule(id, workspace: workspace, connection)
            var rule = before
            try change(&rule)
            let hasSecret = try connection.int(
                "SELECT secret IS NOT NULL FROM alert_rules WHERE key = $1", [.int(rule.key)])
            let secret = rule.channels.contains("webhook") && hasSecret != 1 ? WebhookStore.newSecret() : nil
            let sealed = try secret.map { try vault.seal($0, context: Self.context(id)) }
            let beginsAnew = rule.conditionConfig != before.conditionConfig || (rule.isActive && !before.isActive)
            try connection.run(
                """
                UPDATE alert_rules SET name = $2, condition_config = $3, channels = $4, notification_config = $5,
                  active = $6, secret = COALESCE($7, secret),
                  breached_at = CASE WHEN $8 = 1 THEN NULL ELSE breached_at END WHERE key = $1
                """,
                [
                    .int(rule.key), .text(rule.name), .json(.object(rule.conditionConfig)),
                    .json(.array(rule.channels.map(JSONValue.string))), .json(.object(rule.notificationConfig)),
                    .bool(rule.isActive), sealed.map(SQLValue.blob) ?? .null, .bool(beginsAnew),
                ])
            events.forget()
            if beginsAnew, rule.isActive, Self.overWindows.contains(rule.conditionType) {
                try Self.arm(rule.key, at: now, now: now, connection)
            }
            return (rule, secret)
        }
    }

    public func delete(_ rule: AlertRule) async throws {
        try await committer.write(audit: .row("alert rule", in: "alert_rules", where: "key = $1", [.int(rule.key)])) {
            connection in
            try connection.run("DELETE FROM alert_rules WHERE key = $1", [.int(rule.key)])
            try JobQueue.remove(Self.evaluateJob, name: String(rule.key), connection)
        }
    }

    /// Raises the alarm to try its channels; when it was raised in earnest stays on record.
    /// - Throws: NOT_FOUND
    public func test(_ id: AlertID, workspace: Int64) async throws {
        let now = clock.now()
        try await committer.write { connection in
            let rule = try Self.rule(id, workspace: workspace, connection)
            try Self.fire(
                rule, agent: rule.agentKey, run: nil, reason: "This is a test of the rule.", now: now, connection)
            try connection.run(
                "UPDATE alert_rules SET breached_at = $2, last_triggered_at = $3 WHERE key = $1",
                [.int(rule.key), .time(rule.breachedAt), .time(rule.lastTriggeredAt)])
        }
    }

    static func arm(_ rule: Int64, at time: Timestamp, now: Timestamp, _ connection: any SQLConnection) throws {
        try JobQueue.enqueue(
            evaluateJob, name: String(rule), at: time, payload: ["rule": .int(Int(rule))],
            workspace: try connection.int("SELECT workspace_key FROM alert_rules WHERE key = $1", [.int(rule)]),
            now: now,
            connection)
    }

    /// Where a rule's webhook channel goes.
    static func target(rule: Int64, _ connection: any SQLConnection) throws -> DeliveryTarget? {
        try connection.row("SELECT id, notification_config, secret FROM alert_rules WHERE key = $1", [.int(rule)]) {
            row in
            guard let url = row.json(1)?["webhook_url"]?.stringValue, let sealed = row.bytes(2) else { return nil }
            return DeliveryTarget(url: url, sealed: sealed, context: context(AlertID(try row.bits(0))))
        } ?? nil
    }

    /// Raises the alarm: on record, to the members, and on the rule's channels.
    static func fire(
        _ rule: AlertRule, agent: Int64?, run: RunRef?, reason: String, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try connection.run(
            "UPDATE alert_rules SET last_triggered_at = $2, breached_at = COALESCE(breached_at, $2) WHERE key = $1",
            [.int(rule.key), .time(now)])
        try NotificationStore.insert(
            .alertTriggered, title: "Alert: \(rule.name)", body: reason, workspace: rule.workspaceKey, agent: agent,
            run: run?.key, now: now, connection)
        let agentID = try agent.flatMap { agent in
            try connection.row("SELECT id FROM agents WHERE key = $1", [.int(agent)]) { try $0.bits(0) }
        }
        let body: JSONValue = [
            "rule_id": .string("\(rule.id)"), "rule_name": .string(rule.name), "agent_id": .optional(agentID?.text),
            "condition": .string(rule.conditionType), "triggered_at": .string(now.iso8601),
            "run_id": .optional(run?.id.description),
        ]
        if rule.channels.contains("email") {
            let addresses = MailAddresses.split(rule.notificationConfig["email"]?.stringValue ?? "")
            var facts = [("Rule", rule.name), ("Condition", rule.conditionType), ("Time", now.iso8601)]
            if let agentID { facts.append(("Agent", agentID.text)) }
            if let run { facts.append(("Run", "\(run.id)")) }
            try OutgoingMail(
                to: addresses, subject: "Alert: \(rule.name)", lead: String(reason.prefix(2000)), facts: facts,
                workspaceKey: rule.workspaceKey
            ).enqueue(now: now, connection)
        }
        if rule.channels.contains("webhook") {
            try DeliveryStore.insert(
                hook: nil, rule: rule.key, event: "alert.triggered", body: body.encoded, workspace: rule.workspaceKey,
                agent: agent, run: run?.key, now: now, connection)
        }
        try WebhookOutbox.tell(
            event: "alert.triggered", body, workspace: rule.workspaceKey, agent: agent, run: run?.key, now: now,
            connection)
    }
}
