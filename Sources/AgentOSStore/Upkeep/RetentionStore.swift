import AgentOSCore

/// How many days a workspace keeps what; nil keeps it for ever.
public struct RetentionSettings: Sendable, Equatable {
    /// Events of ended runs; the runs themselves stay, with their figures.
    public var eventDays: Int?
    /// Ended runs, with their events.
    public var runDays: Int?
    /// Conversations, counted from their last message.
    public var conversationDays: Int?
    /// When old things were last looked for.
    public var sweptAt: Timestamp?
    public var updatedAt: Timestamp?

    public init(eventDays: Int? = nil, runDays: Int? = nil, conversationDays: Int? = nil) {
        self.eventDays = eventDays
        self.runDays = runDays
        self.conversationDays = conversationDays
    }

    var keepsAll: Bool { eventDays == nil && runDays == nil && conversationDays == nil }
}

/// Settings of retention, and the slices in which it is carried out.
public final class RetentionStore: Sendable {
    /// A job a workspace: removes what is too old and comes back in an hour.
    public static let sweepJob = "retention.sweep"
    static let sweepSeconds = 3600.0
    /// Rows that one transaction removes, so that ingest never waits for long.
    static let slice = 200

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let runs: RunStore

    public init(database: any Database, committer: GroupCommit, clock: WallClock, runs: RunStore) {
        self.runs = runs
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    // MARK: - Settings

    public func get(workspace: Int64) async throws -> RetentionSettings {
        try await database.read { try Self.settings(workspace, $0) }
    }

    private static func settings(_ workspace: Int64, _ connection: any SQLConnection) throws -> RetentionSettings {
        let found = try connection.row(
            """
            SELECT event_days, run_days, conversation_days, swept_at, updated_at FROM retention_settings
            WHERE workspace_key = $1
            """, [.int(workspace)]
        ) { row in
            var settings = RetentionSettings(
                eventDays: row.int(0).map(Int.init), runDays: row.int(1).map(Int.init),
                conversationDays: row.int(2).map(Int.init))
            settings.sweptAt = row.time(3)
            settings.updatedAt = row.time(4)
            return settings
        }
        return found ?? RetentionSettings()
    }

    /// Changes the settings and has them carried out soon.
    public func update(
        workspace: Int64, _ change: @escaping @Sendable (inout RetentionSettings) -> Void
    ) async throws -> RetentionSettings {
        let now = clock.now()
        return try await committer.write(
            audit: .row("retention", in: "retention_settings", where: "workspace_key = $1", [.int(workspace)])
        ) { connection in
            var settings = try Self.settings(workspace, connection)
            change(&settings)
            settings.updatedAt = now
            try connection.run(
                """
                INSERT INTO retention_settings (workspace_key, event_days, run_days, conversation_days, updated_at)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_key) DO UPDATE SET event_days = excluded.event_days,
                  run_days = excluded.run_days, conversation_days = excluded.conversation_days,
                  updated_at = excluded.updated_at
                """,
                [
                    .int(workspace), .optional(settings.eventDays), .optional(settings.runDays),
                    .optional(settings.conversationDays), .time(now),
                ])
            if settings.keepsAll {
                try JobQueue.remove(Self.sweepJob, name: String(workspace), connection)
            } else {
                try Self.enqueue(workspace, at: now, now: now, connection)
            }
            return settings
        }
    }

    /// Has settings that came from another store carried out.
    static func adopt(settingsOf workspace: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        guard try !settings(workspace, connection).keepsAll else { return }
        try enqueue(workspace, at: now, now: now, connection)
    }

    private static func enqueue(
        _ workspace: Int64, at time: Timestamp, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        try JobQueue.enqueue(
            sweepJob, name: String(workspace), at: time, payload: ["workspace": .int(workspace)], workspace: workspace,
            now: now, connection)
    }

    // MARK: - Sweeping

    /// What one sweep removed.
    public struct Swept: Sendable, Equatable {
        public var runsWithoutEvents = 0
        public var runs = 0
        public var conversations = 0

        public init() {}
    }

    /// Removes everything that is too old now, slice by slice, and enqueues the next sweep.
    @discardableResult
    public func sweep(workspace: Int64) async throws -> Swept {
        let now = clock.now()
        let settings = try await get(workspace: workspace)
        guard !settings.keepsAll else { return Swept() }
        var swept = Swept()
        @Sendable func cutoff(_ days: Int) -> Timestamp { now.advanced(bySeconds: -Double(days) * 86400) }
        if let days = settings.runDays {
            // Written first: figures that are made anew later must know that runs may be missing.
            try await committer.write { connection in
                try connection.run(
                    """
                    UPDATE retention_settings SET runs_gone_until = MAX(COALESCE(runs_gone_until, 0), $2)
                    WHERE workspace_key = $1
                    """, [.int(workspace), .time(cutoff(days))])
            }
            swept.runs = try await eachOldRun(workspace, before: cutoff(days), withEventsOnly: false) {
                run, connection in
                try Purge.remove(run: run, connection)
            }
            if swept.runs > 0 { runs.forgetAll() }
        }
        if let days = settings.eventDays {
            swept.runsWithoutEvents = try await eachOldRun(workspace, before: cutoff(days), withEventsOnly: true) {
                try $1.run("UPDATE run_counters SET chunk_count = 0 WHERE run_key = $1", [.int($0)])
            }
        }
        if let days = settings.conversationDays {
            swept.conversations = try await removeConversations(workspace, before: cutoff(days))
        }
        try await committer.write { connection in
            try connection.run(
                "UPDATE retention_settings SET swept_at = $2 WHERE workspace_key = $1", [.int(workspace), .time(now)])
            try Self.enqueue(workspace, at: now.advanced(bySeconds: Self.sweepSeconds), now: now, connection)
        }
        return swept
    }

    /// Takes the log from every run that ended before a time, then does what is asked with it. Runs lie in the order in
    /// which they began, so that the walk ends at the first one that is too young.
    /// - Returns: how many runs.
    private func eachOldRun(
        _ workspace: Int64, before cutoff: Timestamp, withEventsOnly: Bool,
        _ finish: @escaping @Sendable (Int64, any SQLConnection) throws -> Void
    ) async throws -> Int {
        var (after, count) = (Int64(0), 0)
        while true {
            let start = after
            let page = try await database.read { connection in
                try connection.rows(
                    """
                    SELECT r.key, r.completed_at IS NOT NULL AND r.completed_at < $3
                      AND ($5 = 0 OR c.chunk_count > 0), r.started_at < $3
                    FROM runs r LEFT JOIN run_counters c ON c.run_key = r.key
                    WHERE r.workspace_key = $1 AND r.key > $2 ORDER BY r.key LIMIT $4
                    """,
                    [
                        .int(workspace), .int(start), .time(cutoff), .int(Int64(Self.slice)),
                        .bool(withEventsOnly),
                    ]
                ) { (key: try $0.requiredInt(0), isDue: $0.int(1) == 1, isOld: $0.int(2) == 1) }
            }
            let old = page.prefix { $0.isOld }
            let due = old.filter(\.isDue).map(\.key)
            var left = due[...]
            while !left.isEmpty {
                let keys = left
                let done = try await committer.write(cost: 64 << 10) { connection in
                    var (done, room) = (0, Self.slice)
                    for run in keys {
                        let chunks = try connection.run(
                            """
                            DELETE FROM event_chunks WHERE id IN (SELECT id FROM event_chunks WHERE run_key = $1 LIMIT $2)
                            """, [.int(run), .int(Int64(room))])
                        room -= max(chunks, 1)
                        // The rest of a long log goes with the next slice.
                        guard room > 0 else { return done }
                        try finish(run, connection)
                        done += 1
                    }
                    return done
                }
                left = left.dropFirst(done)
                await Task.yield()
            }
            count += due.count
            guard old.count == Self.slice, let last = old.last else { return count }
            after = last.key
        }
    }

    private func removeConversations(_ workspace: Int64, before cutoff: Timestamp) async throws -> Int {
        var count = 0
        while true {
            let removed = try await committer.write(cost: 64 << 10) { connection in
                let keys = try connection.rows(
                    """
                    SELECT key FROM conversations WHERE workspace_key = $1 AND last_message_at < $2
                      AND busy_run_key IS NULL LIMIT $3
                    """, [.int(workspace), .time(cutoff), .int(Int64(Self.slice / 4))]
                ) { try $0.requiredInt(0) }
                for key in keys { try Purge.remove(conversation: key, connection) }
                return keys.count
            }
            count += removed
            guard removed == Self.slice / 4 else { return count }
            await Task.yield()
        }
    }
}
