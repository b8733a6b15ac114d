import AgentOSCore

/// Something to be sent to a receiver, once it is committed.
public struct Delivery: Sendable {
    public let key: Int64
    public let id: DeliveryID
    public let event: String
    public let body: [UInt8]
    public let attempts: Int
    /// What became of the last try.
    public let lastError: String?
    public let hookKey: Int64?
    public let ruleKey: Int64?
    public let runKey: Int64?
    /// Whether an older one of the same run to the same webhook has not been tried yet.
    public let isBehind: Bool
}

/// A delivery as the log shows it.
public struct DeliveryRecord: Sendable {
    public let id: DeliveryID
    public let event: String
    public let runID: RunID?
    /// `pending`, `delivered` or `failed`.
    public let status: String
    public let attempts: Int
    public let lastStatus: Int?
    public let lastError: String?
    public let latencyMilliseconds: Int?
    public let responseHead: String?
    public let createdAt: Timestamp
    public let finishedAt: Timestamp?
}

/// What was or will be sent: an outbox that is written in the transaction of its cause.
public final class DeliveryStore: Sendable {
    public static let deliverJob = "webhook.deliver"
    /// Finished deliveries are shown for so long.
    static let keptSeconds = 30.0 * 86_400
    /// A receiver is disabled when a delivery to it fails for good so long after another one did, with none that arrived
    /// in between.
    static let patienceSeconds = 3.0 * 86_400
    /// A delivery behind another one is called when that was tried; it looks for itself this often, in case that was
    /// given up.
    private static let longestQueueing = 15.0

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    static func insert(
        hook: Int64?, rule: Int64?, event: String, body: [UInt8], workspace: Int64, agent: Int64?, run: Int64?,
        now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let key = try connection.row(
            """
            INSERT INTO deliveries (id, workspace_key, hook_key, rule_key, agent_key, run_key, event, body, status,
              attempts, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 0, $9) RETURNING key
            """,
            [
                .id(DeliveryID.new(at: now)), .int(workspace), .optional(hook), .optional(rule), .optional(agent),
                .optional(run), .text(event), .utf8(body), .time(now),
            ]
        ) { try $0.requiredInt(0) }
        guard let key else { throw StoreError.damaged("a new delivery") }
        try arm(key, at: now, workspace: workspace, now: now, connection)
    }

    private static func arm(
        _ key: Int64, at time: Timestamp, workspace: Int64? = nil, attempts: Int = 0, error: String? = nil,
        now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try JobQueue.enqueue(
            deliverJob, name: String(key), at: time, payload: ["delivery": .int(Int(key))],
            workspace: workspace, attempts: attempts, error: error, now: now, connection)
    }

    /// Has a delivery come later without having been tried.
    private static func putOff(
        _ delivery: Delivery, seconds: Double, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try arm(
            delivery.key, at: now.advanced(bySeconds: seconds), attempts: delivery.attempts, error: delivery.lastError,
            now: now, connection)
    }

    /// Whether `d` comes behind another delivery: an older one of the same run to the same webhook that waits for its
    /// first try, and whose job was not given up.
    private static let isBehind = """
        EXISTS (SELECT 1 FROM deliveries o
          WHERE o.run_key = d.run_key AND o.hook_key = d.hook_key AND o.key < d.key
            AND o.status = 'pending' AND o.attempts = 0
            AND EXISTS (SELECT 1 FROM jobs j
              WHERE j.kind = '\(deliverJob)' AND j.name = CAST(o.key AS TEXT) AND j.parked_at IS NULL))
        """

    /// A delivery that is still to be made.
    static func pending(_ key: Int64, _ connection: any SQLConnection) throws -> Delivery? {
        try connection.row(
            """
            SELECT d.key, d.id, d.event, d.body, d.attempts, d.hook_key, d.rule_key, d.run_key,
              \(Self.isBehind), CASE WHEN d.attempts > 0 THEN d.last_error END
            FROM deliveries d WHERE d.key = $1 AND d.status = 'pending'
            """, [.int(key)]
        ) { row in
            Delivery(
                key: try row.requiredInt(0), id: DeliveryID(try row.bits(1)), event: try row.requiredText(2),
                body: row.bytes(3) ?? [], attempts: Int(row.int(4) ?? 0), lastError: row.text(9), hookKey: row.int(5),
                ruleKey: row.int(6), runKey: row.int(7), isBehind: row.int(8) == 1)
        }
    }

    /// What came of a try.
    public struct Attempt: Sendable {
        public var isDelivered: Bool
        public var status: Int?
        public var error: String?
        public var latencyMilliseconds: Int
        public var responseHead: String?

        public init(
            isDelivered: Bool, status: Int? = nil, error: String? = nil, latencyMilliseconds: Int,
            responseHead: String? = nil
        ) {
            self.isDelivered = isDelivered
            self.status = status
            self.error = error
            self.latencyMilliseconds = latencyMilliseconds
            self.responseHead = responseHead
        }
    }

    /// Writes a try down.
    /// - Parameters:
    ///   - seconds: until the next try; nil when there is none.
    ///   - job: the delivery's, which is over or due again with it.
    public func record(
        _ attempt: Attempt, of delivery: Delivery, retryIn seconds: Double?, settling job: Job? = nil
    ) async throws {
        let now = clock.now()
        try await committer.write { connection in
            let isOver = attempt.isDelivered || seconds == nil
            try connection.run(
                """
                UPDATE deliveries SET attempts = attempts + 1, status = $2, last_status = $3, last_error = $4,
                  latency_ms = $5, response_head = $6, finished_at = $7 WHERE key = $1
                """,
                [
                    .int(delivery.key), .text(attempt.isDelivered ? "delivered" : isOver ? "failed" : "pending"),
                    .optional(attempt.status), .optional(attempt.error), .int(Int64(attempt.latencyMilliseconds)),
                    .optional(attempt.responseHead), isOver ? .time(now) : .null,
                ])
            if isOver {
                try job.map { try JobQueue.settle($0, connection) }
            } else if let seconds {
                try Self.arm(
                    delivery.key, at: now.advanced(bySeconds: seconds), attempts: delivery.attempts + 1,
                    error: attempt.error, now: now, connection)
            }
            try Self.callNext(after: delivery, now: now, connection)
            if attempt.isDelivered {
                guard let hook = delivery.hookKey else { return }
                try connection.run(
                    "UPDATE webhooks SET failing_since = NULL WHERE key = $1 AND failing_since IS NOT NULL",
                    [.int(hook)])
            } else if isOver {
                try Self.noteFailure(of: delivery, attempt.error, now: now, connection)
            }
        }
    }

    /// Takes note of a delivery that used up its tries.
    private static func noteFailure(
        of delivery: Delivery, _ error: String?, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        if let hook = delivery.hookKey { try noteFailure(ofHook: hook, now: now, connection) }
        guard let rule = delivery.ruleKey else { return }
        // Nobody sees the deliveries of a rule, so its members are told.
        let found = try connection.row(
            "SELECT workspace_key, agent_key, name FROM alert_rules WHERE key = $1", [.int(rule)]
        ) { (try $0.requiredInt(0), $0.int(1), try $0.requiredText(2)) }
        guard let (workspace, agent, name) = found else { return }
        try NotificationStore.insert(
            .system, title: "The webhook of an alert could not be called: \(name)",
            body: "After \(delivery.attempts + 1) tries: \(error ?? "it failed.")", workspace: workspace, agent: agent,
            run: delivery.runKey, now: now, connection)
    }

    /// Disables a receiver that has failed for long: the first failure and this one are of deliveries that used up their
    /// tries.
    private static func noteFailure(ofHook hook: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.run(
            "UPDATE webhooks SET failing_since = COALESCE(failing_since, $2) WHERE key = $1", [.int(hook), .time(now)])
        let disabled = try connection.row(
            """
            UPDATE webhooks SET enabled = 0, disabled_at = $2 WHERE key = $1 AND enabled = 1 AND failing_since <= $3
            RETURNING workspace_key, agent_key, url
            """, [.int(hook), .time(now), .time(now.advanced(bySeconds: -patienceSeconds))]
        ) { (try $0.requiredInt(0), $0.int(1), try $0.requiredText(2)) }
        guard let (workspace, agent, url) = disabled else { return }
        try NotificationStore.insert(
            .system, title: "A webhook was disabled",
            body: "\(url.prefix(200)) has failed for three days. Enable it again when it works.", workspace: workspace,
            agent: agent, now: now, connection)
    }

    /// Puts a delivery off because its receiver has enough to do.
    public func putOff(_ delivery: Delivery, seconds: Double) async throws {
        let now = clock.now()
        try await committer.write { connection in
            try Self.putOff(delivery, seconds: seconds, now: now, connection)
        }
    }

    /// Puts a delivery off until the one before it was tried.
    public func queueUp(_ delivery: Delivery) async throws {
        let now = clock.now()
        try await committer.write { connection in
            // That one may have been tried since it was looked at; nobody would call this one then.
            let isBehind = try connection.int(
                "SELECT \(Self.isBehind) FROM deliveries d WHERE d.key = $1", [.int(delivery.key)])
            let seconds = isBehind == 1 ? Self.longestQueueing : 0
            try Self.putOff(delivery, seconds: seconds, now: now, connection)
        }
    }

    /// Has the next delivery of a run come now, when it was put off for the sake of this one.
    private static func callNext(after delivery: Delivery, now: Timestamp, _ connection: any SQLConnection) throws {
        guard delivery.attempts == 0, let hook = delivery.hookKey, let run = delivery.runKey else { return }
        let called = try connection.run(
            """
            UPDATE jobs SET run_at = $4 WHERE kind = $5 AND name = (
              SELECT CAST(MIN(key) AS TEXT) FROM deliveries
              WHERE run_key = $1 AND hook_key = $2 AND key > $3 AND status = 'pending' AND attempts = 0)
              AND lease_until IS NULL AND parked_at IS NULL AND run_at > $4
            """, [.int(run), .int(hook), .int(delivery.key), .time(now), .text(deliverJob)])
        if called > 0 { connection.hasNewJobs = true }
    }

    /// Gives up a delivery whose receiver is gone.
    public func drop(_ delivery: Delivery, settling job: Job) async throws {
        let now = clock.now()
        try await committer.write { connection in
            try JobQueue.settle(job, connection)
            try connection.run(
                """
                UPDATE deliveries SET status = 'failed', last_error = 'The receiver was removed or disabled.',
                  finished_at = $2 WHERE key = $1
                """, [.int(delivery.key), .time(now)])
            try Self.callNext(after: delivery, now: now, connection)
        }
    }

    /// Newest first.
    public func list(hook: Webhook, _ page: PageRequest) async throws -> Page<DeliveryRecord> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT d.id, d.event, r.id, d.status, d.attempts, d.last_status, d.last_error, d.latency_ms,
                  d.response_head, d.created_at, d.finished_at, d.key
                FROM deliveries d LEFT JOIN runs r ON r.key = d.run_key
                WHERE d.hook_key = $1 AND d.key < $2 ORDER BY d.key DESC LIMIT $3
                """, [.int(hook.key), .int(below)]
            ) { row in
                let record = DeliveryRecord(
                    id: DeliveryID(try row.bits(0)), event: try row.requiredText(1),
                    runID: row.optionalBits(2).map(RunID.init), status: try row.requiredText(3),
                    attempts: Int(row.int(4) ?? 0), lastStatus: row.int(5).map(Int.init), lastError: row.text(6),
                    latencyMilliseconds: row.int(7).map(Int.init), responseHead: row.text(8),
                    createdAt: Timestamp(microseconds: try row.requiredInt(9)), finishedAt: row.time(10))
                return (record, ListPlace(.int(try row.requiredInt(11))))
            }
        }
    }

    /// Sends a finished delivery once more, under its own id.
    /// - Throws: NOT_FOUND; CONFLICT when it is under way.
    public func redeliver(_ id: DeliveryID, workspace: Int64) async throws {
        let now = clock.now()
        try await committer.write { connection in
            let row = try connection.row(
                "SELECT key, status FROM deliveries WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)]
            ) { (try $0.requiredInt(0), try $0.requiredText(1)) }
            guard let (key, status) = row else { throw AgentOSError.notFound("delivery") }
            guard status != "pending" else { throw AgentOSError(.conflict, "This delivery is under way.") }
            try connection.run(
                "UPDATE deliveries SET status = 'pending', attempts = 0, finished_at = NULL WHERE key = $1", [.int(key)]
            )
            try Self.arm(key, at: now, now: now, connection)
        }
    }

    /// Sends a receiver something to try it out.
    public func test(_ hook: Webhook, workspaceID: WorkspaceID) async throws {
        let now = clock.now()
        let body: JSONValue = [
            "event": "webhook.test", "timestamp": .string(now.iso8601), "workspace_id": .string("\(workspaceID)"),
            "agent_id": .optional(hook.agentID?.description), "data": ["webhook_id": .string("\(hook.id)")],
        ]
        try await committer.write { connection in
            try Self.insert(
                hook: hook.key, rule: nil, event: "webhook.test", body: body.encoded, workspace: hook.workspaceKey,
                agent: nil, run: nil, now: now, connection)
        }
    }

    /// Removes what was finished long ago, a slice at a time. Returns whether there may be more.
    public func trim() async throws -> Bool {
        let before = clock.now().advanced(bySeconds: -Self.keptSeconds)
        let any = try await database.read {
            try $0.int("SELECT 1 FROM deliveries WHERE finished_at < $1 LIMIT 1", [.time(before)])
        }
        guard any != nil else { return false }
        return try await committer.write { connection in
            try connection.run(
                """
                DELETE FROM deliveries WHERE key IN (
                  SELECT key FROM deliveries WHERE finished_at < $1 ORDER BY finished_at LIMIT 500)
                """, [.time(before)]) > 0
        }
    }
}
