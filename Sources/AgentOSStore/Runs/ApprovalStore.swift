import AgentOSCore

/// An approval as lists show it.
public struct ApprovalRecord: Sendable {
    public let id: ApprovalID
    public let run: RunRef
    public let agentID: AgentID
    public let agentName: String
    public let tool: String
    /// JSON.
    public let input: [UInt8]
    public let editedInput: [UInt8]?
    public let status: String
    public let note: String?
    public let decidedBy: String?
    public let decidedAt: Timestamp?
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
}

/// Tool calls that wait for a person's yes. The first decision wins; the run goes on when all of its are decided.
public final class ApprovalStore: Sendable {
    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let log: EventLog

    public init(
        database: any Database, committer: GroupCommit, clock: WallClock, log: EventLog
    ) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.log = log
    }

    static func insert(
        _ request: ApprovalRequest, _ ref: RunRef, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try connection.run(
            """
            INSERT INTO approvals (id, run_key, workspace_key, agent_key, call_id, tool, input, status, created_at,
              expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9)
            """,
            [
                .id(request.id), .int(ref.key), .int(ref.workspaceKey), .int(ref.agentKey), .text(request.callID),
                .text(request.tool), .utf8(request.input.encoded), .time(now), .time(request.expiresAt),
            ])
        try JobQueue.enqueue(
            HostedRunStore.approvalExpiryJob, name: "\(request.id)", at: request.expiresAt, now: now, connection)
    }

    static func cancelPending(ofRun run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        let ids = try connection.rows(
            """
            UPDATE approvals SET status = 'cancelled', decided_at = $2 WHERE run_key = $1 AND status = 'pending'
            RETURNING id
            """, [.int(run), .time(now)]
        ) { ApprovalID(try $0.bits(0)) }
        for id in ids { try JobQueue.remove(HostedRunStore.approvalExpiryJob, name: "\(id)", connection) }
    }

    // MARK: - Reading

    private static let columns = """
        p.id, r.key, r.id, r.workspace_key, r.agent_key, r.is_test, a.id, a.name, p.tool, p.input, p.edited_input, p.status,
        p.note, p.decided_by, p.decided_at, p.created_at, p.expires_at
        """

    private static let tables = "approvals p JOIN runs r ON r.key = p.run_key JOIN agents a ON a.key = p.agent_key"

    private static func decode(_ row: any SQLRow) throws -> ApprovalRecord {
        ApprovalRecord(
            id: ApprovalID(try row.bits(0)),
            run: RunRef(
                key: try row.requiredInt(1), id: RunID(try row.bits(2)), workspaceKey: try row.requiredInt(3),
                agentKey: try row.requiredInt(4), hosted: true, isTest: row.int(5) == 1),
            agentID: AgentID(try row.bits(6)), agentName: try row.requiredText(7), tool: try row.requiredText(8),
            input: row.bytes(9) ?? [], editedInput: row.bytes(10), status: try row.requiredText(11), note: row.text(12),
            decidedBy: row.text(13), decidedAt: row.time(14),
            createdAt: Timestamp(microseconds: try row.requiredInt(15)),
            expiresAt: Timestamp(microseconds: try row.requiredInt(16)))
    }

    /// Pending ones, oldest first. One whose time is up is not pending any more.
    public func pending(
        workspace: Int64, agent: Int64?, _ page: PageRequest
    ) async throws -> Page<ApprovalRecord> {
        let above = try page.key(start: 0)
        let now = clock.now()
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns), p.key FROM \(Self.tables)
                WHERE p.workspace_key = $1 AND p.status = 'pending' AND p.expires_at > $2 AND a.deleted_at IS NULL
                  AND ($3 IS NULL OR p.agent_key = $3) AND p.key > $4
                ORDER BY p.key LIMIT $5
                """, [.int(workspace), .time(now), .optional(agent), .int(above)]
            ) { (try Self.decode($0), ListPlace(.int(try $0.requiredInt(17)))) }
        }
    }

    /// - Throws: NOT_FOUND
    public func approval(_ id: ApprovalID, workspace: Int64) async throws -> ApprovalRecord {
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT \(Self.columns) FROM \(Self.tables)
                WHERE p.id = $1 AND p.workspace_key = $2 AND a.deleted_at IS NULL
                """, [.id(id), .int(workspace)], Self.decode)
        }
        guard let found else { throw AgentOSError.notFound("approval") }
        return found
    }

    /// Whatever workspace it belongs to; nil when it is gone.
    public func find(_ id: ApprovalID) async throws -> ApprovalRecord? {
        try await database.read { connection in
            try connection.row(
                "SELECT \(Self.columns) FROM \(Self.tables) WHERE p.id = $1 AND a.deleted_at IS NULL", [.id(id)],
                Self.decode)
        }
    }

    static func oldestPending(ofRun run: Int64, _ connection: any SQLConnection) throws -> ApprovalRecord? {
        try connection.row(
            "SELECT \(columns) FROM \(tables) WHERE p.run_key = $1 AND p.status = 'pending' ORDER BY p.key LIMIT 1",
            [.int(run)], decode)
    }

    // MARK: - Deciding

    /// Records a decision. When it was the last one the run waited for, or ends it, the run is taken up again.
    /// - Parameter events: what is said on the run's record.
    /// - Returns: the first event's sequence number.
    /// - Throws: CONFLICT when the approval was decided, has expired or was cancelled.
    public func decide(
        _ approval: ApprovalRecord, _ decision: ApprovalDecision, failsRun: Bool, events: OwnEvents
    ) async throws -> Int64 {
        let now = clock.now()
        let (log, run) = (log, approval.run)
        let first = try await committer.write(cost: events.cost + 1024, aborted: { log.forget(run: run.key) }) {
            connection in
            let isExpiry = decision.verdict == .expired
            let changed = try connection.run(
                """
                UPDATE approvals SET status = $2, note = $3, decided_by = $4, decided_at = $5, edited_input = $6
                WHERE id = $1 AND status = 'pending' AND (expires_at <= $5) = $7
                  AND run_key IN (SELECT key FROM runs WHERE key = $8 AND completed_at IS NULL)
                """,
                [
                    .id(approval.id), .text(decision.verdict.rawValue), .optional(decision.note),
                    .optional(decision.decidedBy), .time(now),
                    .optional(decision.arguments.map { JSONValue.object($0).encoded }), .bool(isExpiry), .int(run.key),
                ])
            guard changed > 0 else {
                throw AgentOSError(.conflict, "This approval is not open: it was decided, cancelled or has expired.")
            }
            try JobQueue.remove(HostedRunStore.approvalExpiryJob, name: "\(approval.id)", connection)
            try HostedRunStore.append(.approvalDecided(decision), to: run.key, now: now, connection)
            if failsRun { try Self.cancelPending(ofRun: run.key, now: now, connection) }
            let open = try connection.int(
                "SELECT COUNT(*) FROM approvals WHERE run_key = $1 AND status = 'pending'", [.int(run.key)])
            if open == 0 { try HostedRunStore.release(run.key, now: now, connection) }
            return try log.append(own: events, toRun: run.key, connection)
        }
        return first
    }
}
