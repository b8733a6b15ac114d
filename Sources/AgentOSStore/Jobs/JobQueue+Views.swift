import AgentOSCore

/// A job as people see it.
public struct JobRecord: Sendable {
    public let key: Int64
    public let kind: String
    public let name: String
    /// `scheduled`, `due`, `running`, `retrying` or `parked`.
    public let state: String
    public let attempts: Int
    public let runAt: Timestamp
    public let lastError: String?
    public let createdAt: Timestamp
}

extension JobQueue {
    public static let states = ["scheduled", "due", "running", "retrying", "parked"]

    /// `$1` is the time now.
    private static let state = """
        CASE WHEN parked_at IS NOT NULL THEN 'parked' WHEN lease_until IS NOT NULL THEN 'running'
          WHEN run_at <= $1 THEN 'due' WHEN attempts > 0 THEN 'retrying' ELSE 'scheduled' END
        """

    /// Jobs of a workspace, newest first.
    public func list(
        workspace: Int64, kind: String?, state: String?, _ page: PageRequest
    ) async throws -> Page<JobRecord> {
        let now = clock.now()
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT key, kind, name, \(Self.state) AS state, attempts, run_at, last_error, created_at FROM jobs
                WHERE workspace_key = $2 AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR \(Self.state) = $4)
                  AND key < $5 ORDER BY key DESC LIMIT $6
                """, [.time(now), .int(workspace), .optional(kind), .optional(state), .int(below)]
            ) { row in
                let job = JobRecord(
                    key: try row.requiredInt(0), kind: try row.requiredText(1), name: try row.requiredText(2),
                    state: try row.requiredText(3), attempts: Int(try row.requiredInt(4)),
                    runAt: Timestamp(microseconds: try row.requiredInt(5)), lastError: row.text(6),
                    createdAt: Timestamp(microseconds: try row.requiredInt(7)))
                return (job, ListPlace(.int(job.key)))
            }
        }
    }

    /// Has a job tried now, with all its tries before it again.
    /// - Throws: NOT_FOUND, also for one of another workspace; CONFLICT while it is being worked on.
    public func retry(_ key: Int64, workspace: Int64) async throws {
        let now = clock.now()
        try await committer.write(
            audit: .row("job", in: "jobs", where: "key = $1 AND workspace_key = $2", [.int(key), .int(workspace)])
        ) { connection in
            let isRunning = try connection.int(
                "SELECT lease_until IS NOT NULL FROM jobs WHERE key = $1 AND workspace_key = $2",
                [.int(key), .int(workspace)])
            guard let isRunning else { throw AgentOSError.notFound("job") }
            guard isRunning == 0 else { throw AgentOSError(.conflict, "The job is being worked on.") }
            connection.hasNewJobs = true
            try connection.run(
                """
                UPDATE jobs SET run_at = $2, attempts = 0, parked_at = NULL, fence = fence + 1 WHERE key = $1
                """, [.int(key), .time(now)])
        }
    }

    /// How many jobs of each kind are in each state, for metrics.
    public func countsByKind() async throws -> [(kind: String, state: String, count: Int)] {
        let now = clock.now()
        return try await database.read { connection in
            try connection.rows(
                "SELECT kind, \(Self.state) AS state, COUNT(*) FROM jobs GROUP BY 1, 2 ORDER BY 1, 2", [.time(now)]
            ) { (try $0.requiredText(0), try $0.requiredText(1), Int(try $0.requiredInt(2))) }
        }
    }
}
