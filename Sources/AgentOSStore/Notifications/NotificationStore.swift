import AgentOSCore

/// Why somebody is told.
public enum NotificationKind: String, Sendable, CaseIterable {
    case runFailed = "run_failed"
    case approvalRequested = "approval_requested"
    case inputRequested = "input_requested"
    case alertTriggered = "alert_triggered"
    case system
}

/// Something the members of a workspace are told; whether it was read is the workspace's affair, not each member's.
public struct MemberNotification: Sendable {
    public let id: NotificationID
    public let kind: String
    public let title: String
    public let body: String
    public let agentID: AgentID?
    public let runID: RunID?
    public let isRead: Bool
    public let createdAt: Timestamp
}

public final class NotificationStore: Sendable {
    /// So many are kept for each workspace; older ones go.
    public static let kept = 10_000

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// Tells the members, in a transaction of the caller's. Title and body are cut at 200 and 2,000 characters.
    public static func insert(
        _ kind: NotificationKind, title: String, body: String, workspace: Int64, agent: Int64? = nil, run: Int64? = nil,
        now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try connection.run(
            """
            INSERT INTO notifications (id, workspace_key, type, title, body, agent_key, run_key, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .id(NotificationID.new(at: now)), .int(workspace), .text(kind.rawValue),
                .text(String(title.prefix(200))),
                .text(String(body.prefix(2000))), .optional(agent), .optional(run), .time(now),
            ])
    }

    /// Newest first.
    public func list(
        workspace: Int64, unreadOnly: Bool, _ page: PageRequest
    ) async throws -> Page<MemberNotification> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT n.id, n.type, n.title, n.body, a.id, r.id, n.read_at IS NOT NULL, n.created_at, n.key
                FROM notifications n LEFT JOIN agents a ON a.key = n.agent_key LEFT JOIN runs r ON r.key = n.run_key
                WHERE n.workspace_key = $1 \(unreadOnly ? "AND n.read_at IS NULL" : "") AND a.deleted_at IS NULL
                  AND n.key < $2 ORDER BY n.key DESC LIMIT $3
                """, [.int(workspace), .int(below)]
            ) { row in
                let note = MemberNotification(
                    id: NotificationID(try row.bits(0)), kind: try row.requiredText(1), title: try row.requiredText(2),
                    body: try row.requiredText(3), agentID: row.optionalBits(4).map(AgentID.init),
                    runID: row.optionalBits(5).map(RunID.init), isRead: row.int(6) == 1,
                    createdAt: Timestamp(microseconds: try row.requiredInt(7)))
                return (note, ListPlace(.int(try row.requiredInt(8))))
            }
        }
    }

    /// Marks one or all as read.
    /// - Returns: how many were unread.
    /// - Throws: NOT_FOUND when the workspace has no such notification.
    public func markRead(_ id: NotificationID?, workspace: Int64) async throws -> Int {
        let now = clock.now()
        let target = id.map {
            AuditTarget.row(
                "notification", in: "notifications", where: "id = $1 AND workspace_key = $2",
                [.id($0), .int(workspace)])
        }
        return try await committer.write(audit: target) { connection in
            guard let id else {
                return try connection.run(
                    "UPDATE notifications SET read_at = $2 WHERE workspace_key = $1 AND read_at IS NULL",
                    [.int(workspace), .time(now)])
            }
            let known = try connection.int(
                "SELECT 1 FROM notifications WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
            guard known != nil else { throw AgentOSError.notFound("notification") }
            return try connection.run(
                "UPDATE notifications SET read_at = $2 WHERE id = $1 AND read_at IS NULL", [.id(id), .time(now)])
        }
    }

    /// Removes what is beyond the number that is kept, at most one slice. Returns whether there may be more.
    public func trim() async throws -> Bool {
        let cut = try await database.read { connection in
            try connection.rows("SELECT key FROM workspaces") { try $0.requiredInt(0) }.compactMap { workspace in
                try connection.int(
                    "SELECT key FROM notifications WHERE workspace_key = $1 ORDER BY key DESC LIMIT 1 OFFSET $2",
                    [.int(workspace), .int(Int64(Self.kept))]
                ).map { (workspace, $0) }
            }
        }
        guard !cut.isEmpty else { return false }
        return try await committer.write { connection in
            var removed = 0
            for (workspace, key) in cut {
                removed += try connection.run(
                    """
                    DELETE FROM notifications WHERE key IN (
                      SELECT key FROM notifications WHERE workspace_key = $1 AND key <= $2 ORDER BY key LIMIT 1000)
                    """, [.int(workspace), .int(key)])
            }
            return removed > 0
        }
    }
}
