import AgentOSCore

/// When an agent runs by itself.
public struct Schedule: Sendable {
    public var agentKey: Int64
    public var workspaceKey: Int64
    /// `daily` or `weekly`; nil with a cron expression.
    public var frequency: String? = "daily"
    /// 0 is Sunday; for `weekly`.
    public var dayOfWeek: Int?
    /// Of the local day.
    public var minute = 0
    public var cron: String?
    public var timezone = "UTC"
    /// JSON.
    public var input: [UInt8] = Array("{}".utf8)
    public var promptVariables = JSONObject()
    public var isEnabled = true
    public var nextRunAt: Timestamp?
    public var lastRunAt: Timestamp?
    public var lastSkippedAt: Timestamp?
    /// The run of the last time.
    public var lastRunKey: Int64?

    public init(agentKey: Int64, workspaceKey: Int64) {
        self.agentKey = agentKey
        self.workspaceKey = workspaceKey
    }

    /// Nil when zone or expression are not known any more.
    public var rule: ScheduleRule? {
        guard let local = LocalTime(zone: timezone) else { return nil }
        if let cron { return (try? CronExpression(cron)).map { ScheduleRule(.cron($0), in: local) } }
        if frequency == "weekly" { return ScheduleRule(.weekly(day: dayOfWeek ?? 0, minute: minute), in: local) }
        return ScheduleRule(.daily(minute: minute), in: local)
    }
}

/// Schedules, each with the job that fires it: both change in one transaction.
public final class ScheduleStore: Sendable {
    public static let fireJob = "schedule.fire"

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    private static let columns = """
        agent_key, workspace_key, frequency, day_of_week, minute, cron, timezone, input, prompt_variables, enabled,
        next_run_at, last_run_at, last_run_key, last_skipped_at
        """

    private static func decode(_ row: any SQLRow) throws -> Schedule {
        var schedule = Schedule(agentKey: try row.requiredInt(0), workspaceKey: try row.requiredInt(1))
        schedule.frequency = row.text(2)
        schedule.dayOfWeek = row.int(3).map(Int.init)
        schedule.minute = Int(row.int(4) ?? 0)
        schedule.cron = row.text(5)
        schedule.timezone = try row.requiredText(6)
        schedule.input = row.bytes(7) ?? Array("{}".utf8)
        schedule.promptVariables = row.json(8)?.objectValue ?? JSONObject()
        schedule.isEnabled = row.int(9) == 1
        schedule.nextRunAt = row.time(10)
        schedule.lastRunAt = row.time(11)
        schedule.lastRunKey = row.int(12)
        schedule.lastSkippedAt = row.time(13)
        return schedule
    }

    private static func find(_ agent: Int64, _ connection: any SQLConnection) throws -> Schedule? {
        try connection.row(
            "SELECT \(columns) FROM schedules WHERE agent_key = $1", [.int(agent)], decode)
    }

    public func schedule(ofAgent agent: Int64) async throws -> Schedule? {
        try await database.read { try Self.find(agent, $0) }
    }

    /// Makes or changes an agent's schedule; its next time is counted from now.
    /// - Throws: whatever `change` throws; VALIDATION_ERROR when it never comes about.
    public func upsert(
        agent: Int64, workspace: Int64, _ change: @escaping @Sendable (inout Schedule, _ isNew: Bool) throws -> Void
    ) async throws -> Schedule {
        let now = clock.now()
        return try await committer.write(
            cost: 2048, audit: .row("schedule", in: "schedules", where: "agent_key = $1", [.int(agent)])
        ) { connection in
            let known = try Self.find(agent, connection)
            var schedule = known ?? Schedule(agentKey: agent, workspaceKey: workspace)
            try change(&schedule, known == nil)
            guard let next = schedule.rule?.next(after: now) else {
                throw AgentOSError.invalid(schedule.cron == nil ? "timezone" : "cron", "names a time that never comes")
            }
            schedule.nextRunAt = schedule.isEnabled ? next : nil
            try connection.run(
                """
                INSERT INTO schedules (agent_key, workspace_key, frequency, day_of_week, minute, cron, timezone, input,
                  prompt_variables, enabled, next_run_at, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
                ON CONFLICT (agent_key) DO UPDATE SET frequency = excluded.frequency,
                  day_of_week = excluded.day_of_week, minute = excluded.minute, cron = excluded.cron,
                  timezone = excluded.timezone, input = excluded.input, prompt_variables = excluded.prompt_variables,
                  enabled = excluded.enabled, next_run_at = excluded.next_run_at, updated_at = excluded.updated_at
                """,
                [
                    .int(agent), .int(workspace), .optional(schedule.frequency), .optional(schedule.dayOfWeek),
                    .int(Int64(schedule.minute)), .optional(schedule.cron), .text(schedule.timezone),
                    .utf8(schedule.input), .json(.object(schedule.promptVariables)), .bool(schedule.isEnabled),
                    .time(schedule.nextRunAt), .time(now),
                ])
            try Self.arm(agent, at: schedule.nextRunAt, now: now, connection)
            return schedule
        }
    }

    /// Disables an agent's schedule, in a transaction of the caller's.
    public func stop(agent: Int64, trail: AuditTrail?, _ connection: any SQLConnection) throws {
        guard try Self.find(agent, connection)?.isEnabled == true else { return }
        let now = clock.now()
        try trail.around(.row("schedule", in: "schedules", where: "agent_key = $1", [.int(agent)]), connection) {
            connection in
            try connection.run(
                "UPDATE schedules SET enabled = 0, next_run_at = NULL, updated_at = $2 WHERE agent_key = $1",
                [.int(agent), .time(now)])
            try Self.arm(agent, at: nil, now: now, connection)
        }
    }

    private static func arm(
        _ agent: Int64, at time: Timestamp?, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        guard let time else { return try JobQueue.remove(fireJob, name: String(agent), connection) }
        try JobQueue.enqueue(
            fireJob, name: String(agent), at: time, payload: ["agent": .int(Int(agent))],
            workspace: try connection.int("SELECT workspace_key FROM agents WHERE key = $1", [.int(agent)]), now: now,
            connection)
    }

    /// - Throws: NOT_FOUND when the agent has none.
    public func delete(agent: Int64) async throws {
        try await committer.write(audit: .row("schedule", in: "schedules", where: "agent_key = $1", [.int(agent)])) {
            connection in
            let removed = try connection.run("DELETE FROM schedules WHERE agent_key = $1", [.int(agent)])
            guard removed > 0 else { throw AgentOSError.notFound("schedule") }
            try Self.arm(agent, at: nil, now: Timestamp(microseconds: 0), connection)
        }
    }

    /// What came of a due time.
    public enum Outcome: Sendable {
        case ran(RunRef)
        /// The run of the last time goes on; the members are told.
        case skipped(agentName: String)
        /// The run could not begin, nor would it in a moment; the members are told why.
        case refused(agentName: String, reason: String)
        /// Nothing is to happen: missed, or the agent is not active.
        case passed
    }

    /// Settles a due time and arms the next; does nothing when the schedule was changed meanwhile.
    public func settle(_ schedule: Schedule, due: Timestamp, _ outcome: Outcome) async throws {
        let now = clock.now()
        let next = schedule.rule?.next(after: max(now, due))
        try await committer.write { connection in
            var (run, ranAt, skippedAt) = (nil as Int64?, nil as Timestamp?, nil as Timestamp?)
            switch outcome {
            case .ran(let ref): (run, ranAt) = (ref.key, now)
            case .skipped: skippedAt = now
            case .refused, .passed: break
            }
            let changed = try connection.run(
                """
                UPDATE schedules SET next_run_at = $3, last_run_at = COALESCE($4, last_run_at),
                  last_run_key = COALESCE($5, last_run_key), last_skipped_at = COALESCE($6, last_skipped_at)
                WHERE agent_key = $1 AND next_run_at = $2 AND enabled = 1
                """,
                [
                    .int(schedule.agentKey), .time(schedule.nextRunAt), .time(next), .time(ranAt), .optional(run),
                    .time(skippedAt),
                ])
            guard changed > 0 else { return }
            try Self.arm(schedule.agentKey, at: next, now: now, connection)
            switch outcome {
            case .skipped(let name):
                try NotificationStore.insert(
                    .system, title: "A scheduled run of \(name) was skipped",
                    body: "The run before it had not ended at \(due.iso8601).", workspace: schedule.workspaceKey,
                    agent: schedule.agentKey, run: schedule.lastRunKey, now: now, connection)
            case .refused(let name, let reason):
                try NotificationStore.insert(
                    .system, title: "A scheduled run of \(name) could not start", body: reason,
                    workspace: schedule.workspaceKey, agent: schedule.agentKey, now: now, connection)
            case .ran, .passed: break
            }
        }
    }
}
