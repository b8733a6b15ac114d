import AgentOSCore

/// When a workspace's report writes itself.
public struct ReportSchedule: Sendable {
    public var workspaceKey: Int64
    /// `daily` or `weekly`.
    public var frequency: String
    /// 0 is Sunday; for `weekly`.
    public var dayOfWeek: Int?
    /// Of the local day.
    public var minute: Int
    public var timezone: String
    /// Addresses by commas that get the report as mail.
    public var email: String?
    public var nextRunAt: Timestamp

    public init(
        workspaceKey: Int64, frequency: String, dayOfWeek: Int?, minute: Int, timezone: String, email: String?
    ) {
        self.workspaceKey = workspaceKey
        self.frequency = frequency
        self.dayOfWeek = dayOfWeek
        self.minute = minute
        self.timezone = timezone
        self.email = email
        nextRunAt = Timestamp(microseconds: 0)
    }

    /// Nil when the zone is not known any more.
    public var rule: ScheduleRule? {
        guard let local = LocalTime(zone: timezone) else { return nil }
        return ScheduleRule(
            frequency == "weekly" ? .weekly(day: dayOfWeek ?? 1, minute: minute) : .daily(minute: minute), in: local)
    }

    /// Missed reports are made up for this many days or weeks back.
    private static let caughtUp = 7.0

    /// Between two reports, but for changes of the clocks.
    private var seconds: Double { frequency == "weekly" ? 7 * 86_400 : 86_400 }

    /// When the period begins that ends at a due time: at the due time before, so that periods join by the calendar.
    public func start(of due: Timestamp) -> Timestamp {
        let usual = due.advanced(bySeconds: -seconds)
        guard let rule, var start = rule.next(after: usual.advanced(bySeconds: -43_200)), start < due else {
            return usual
        }
        while let next = rule.next(after: start), next < due { start = next }
        return start
    }

    /// The due time after one whose report was written; it has passed already when some were missed.
    func next(after due: Timestamp, now: Timestamp) -> Timestamp {
        let horizon = now.advanced(bySeconds: -seconds * Self.caughtUp)
        return rule?.next(after: max(due, horizon)) ?? now.advanced(bySeconds: 86_400)
    }
}

extension ReportStore {
    public static let scheduledJob = "report.scheduled"

    private static let scheduleColumns =
        "SELECT workspace_key, frequency, day_of_week, minute, timezone, email, next_run_at FROM report_schedules"

    public func schedule(workspace: Int64) async throws -> ReportSchedule? {
        try await database.read { try Self.schedule(workspace, $0) }
    }

    private static func schedule(_ workspace: Int64, _ connection: any SQLConnection) throws -> ReportSchedule? {
        try connection.row("\(scheduleColumns) WHERE workspace_key = $1", [.int(workspace)]) { row in
            var schedule = ReportSchedule(
                workspaceKey: try row.requiredInt(0), frequency: try row.requiredText(1),
                dayOfWeek: row.int(2).map(Int.init), minute: Int(try row.requiredInt(3)),
                timezone: try row.requiredText(4), email: row.text(5))
            schedule.nextRunAt = Timestamp(microseconds: try row.requiredInt(6))
            return schedule
        }
    }

    /// Sets when reports write themselves, with the job that does it.
    public func set(_ given: ReportSchedule) async throws -> ReportSchedule {
        let now = clock.now()
        var schedule = given
        schedule.nextRunAt = schedule.rule?.next(after: now) ?? now.advanced(bySeconds: 86_400)
        let wanted = schedule
        try await committer.write(
            audit: .row(
                "report schedule", in: "report_schedules", where: "workspace_key = $1", [.int(wanted.workspaceKey)])
        ) { connection in
            try connection.run(
                """
                INSERT INTO report_schedules (workspace_key, frequency, day_of_week, minute, timezone, email, next_run_at,
                  updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace_key) DO UPDATE SET
                  frequency = excluded.frequency, day_of_week = excluded.day_of_week, minute = excluded.minute,
                  timezone = excluded.timezone, email = excluded.email, next_run_at = excluded.next_run_at,
                  updated_at = excluded.updated_at
                """,
                [
                    .int(wanted.workspaceKey), .text(wanted.frequency), .optional(wanted.dayOfWeek),
                    .int(Int64(wanted.minute)), .text(wanted.timezone), .optional(wanted.email),
                    .time(wanted.nextRunAt), .time(now),
                ])
            try Self.enqueue(wanted.workspaceKey, at: wanted.nextRunAt, now: now, connection)
        }
        return schedule
    }

    /// - Throws: NOT_FOUND
    public func deleteSchedule(workspace: Int64) async throws {
        try await committer.write(
            audit: .row("report schedule", in: "report_schedules", where: "workspace_key = $1", [.int(workspace)])
        ) { connection in
            let removed = try connection.run(
                "DELETE FROM report_schedules WHERE workspace_key = $1", [.int(workspace)])
            guard removed > 0 else { throw AgentOSError.notFound("report schedule") }
            try JobQueue.remove(Self.scheduledJob, name: String(workspace), connection)
        }
    }

    private static func enqueue(
        _ workspace: Int64, at time: Timestamp, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try JobQueue.enqueue(
            scheduledJob, name: String(workspace), at: time, payload: ["workspace": .int(workspace)],
            workspace: workspace, now: now, connection)
    }

    /// Gives a schedule that came from another store its next time, with the job that does it.
    static func adoptSchedule(of workspace: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        guard let schedule = try schedule(workspace, connection) else { return }
        let next = schedule.rule?.next(after: now) ?? now.advanced(bySeconds: 86_400)
        try connection.run(
            "UPDATE report_schedules SET next_run_at = $2 WHERE workspace_key = $1", [.int(workspace), .time(next)])
        try enqueue(workspace, at: next, now: now, connection)
    }

    /// Has the job of a schedule wait for the schedule's time again.
    public func putBack(_ schedule: ReportSchedule) async throws {
        let now = clock.now()
        try await committer.write { connection in
            let next = try connection.int(
                "SELECT next_run_at FROM report_schedules WHERE workspace_key = $1", [.int(schedule.workspaceKey)])
            guard let next else { return }
            try Self.enqueue(schedule.workspaceKey, at: Timestamp(microseconds: next), now: now, connection)
        }
    }

    /// Puts the report of a due time on record with its mail and moves on to the next time, all at once: a report is
    /// neither lost nor written twice.
    public func settle(
        _ schedule: ReportSchedule, _ report: NewReport, subject: String
    ) async throws {
        let now = clock.now()
        let next = schedule.next(after: schedule.nextRunAt, now: now)
        try await committer.write(cost: report.content.utf8.count + 1024) { connection in
            let moved = try connection.run(
                "UPDATE report_schedules SET next_run_at = $3 WHERE workspace_key = $1 AND next_run_at = $2",
                [.int(schedule.workspaceKey), .time(schedule.nextRunAt), .time(next)])
            guard moved > 0 else { return }
            try Self.insert(report, id: .new(at: now), now: now, connection)
            let addresses = MailAddresses.split(schedule.email ?? "")
            if !addresses.isEmpty {
                try OutgoingMail(
                    to: addresses, subject: subject, lead: report.summary, facts: [],
                    workspaceKey: schedule.workspaceKey, markdown: report.content
                ).enqueue(now: now, connection)
            }
            try Self.enqueue(schedule.workspaceKey, at: next, now: now, connection)
        }
    }
}
