import AgentOSCore

/// Keeps `agent_days` in step as runs end: what is shown over days never scans runs or events.
public struct RollupKeeper: RunChangeListener {
    /// An ended run as a row of its day, and what takes it out again.
    private static let added = contribution(1)
    private static let removed = contribution(-1)

    private static func contribution(_ sign: Int) -> String {
        """
        SELECT r.workspace_key, r.agent_key, r.started_at / 86400000000, COALESCE(c.model, ''), \(sign),
          \(sign) * (r.status = 'completed'), \(sign) * (r.status = 'failed'), \(sign) * (r.status = 'cancelled'),
          \(sign) * COALESCE(r.duration_ms, 0),
          \(RunFigures.tokens(times: sign)), \(sign) * MIN(\(RunFigures.most), \(RunFigures.cost)), \(sign) * (\(RunFigures.unpricedCalls))
        FROM runs r JOIN run_counters c ON c.run_key = r.key
        """
    }

    private static let upsert = """
        ON CONFLICT (workspace_key, day, agent_key, model) DO UPDATE SET runs = runs + excluded.runs,
          completed = completed + excluded.completed, failed = failed + excluded.failed,
          cancelled = cancelled + excluded.cancelled, duration_ms = duration_ms + excluded.duration_ms,
          input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
          cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
          cache_creation_tokens = cache_creation_tokens + excluded.cache_creation_tokens, cost = cost + excluded.cost,
          unpriced_calls = unpriced_calls + excluded.unpriced_calls
        """

    public init() {}

    public func changed(_ change: RunChange, _ connection: any SQLConnection) throws {
        guard case .ended = change.kind, !change.run.isTest else { return }
        try connection.run(
            "INSERT INTO agent_days \(Self.added) WHERE r.key = $1 \(Self.upsert)", [.int(change.run.key)])
        let today = change.at.microseconds / 86_400_000_000 * 86_400_000_000
        let began = try connection.int("SELECT started_at FROM runs WHERE key = $1", [.int(change.run.key)])
        if let began, began < today { try Self.stamp(change.run.workspaceKey, connection) }
    }

    /// Changes what a run is known to have used, after its end too: its figures follow. Within `change` the counters may
    /// be changed, the run itself may not.
    static func recount<T>(
        _ run: Int64, now: Timestamp, _ connection: any SQLConnection, _ change: () throws -> T
    ) throws -> T {
        let ended = try connection.row(
            """
            SELECT workspace_key, agent_key, started_at / 86400000000 FROM runs
            WHERE key = $1 AND completed_at IS NOT NULL AND is_test = 0
            """, [.int(run)]
        ) { (workspace: try $0.requiredInt(0), agent: try $0.requiredInt(1), day: try $0.requiredInt(2)) }
        guard let ended else { return try change() }
        try connection.run(
            "INSERT INTO agent_days \(removed) WHERE r.key = $1 \(upsert)", [.int(run)])
        let result = try change()
        try connection.run("INSERT INTO agent_days \(added) WHERE r.key = $1 \(upsert)", [.int(run)])
        // The run may count for another model now.
        try connection.run(
            "DELETE FROM agent_days WHERE workspace_key = $1 AND day = $2 AND agent_key = $3 AND runs = 0",
            [.int(ended.workspace), .int(ended.day), .int(ended.agent)])
        if ended.day < now.microseconds / 86_400_000_000 { try stamp(ended.workspace, connection) }
        return result
    }

    /// Says that figures of days that are over have changed.
    static func stamp(_ workspace: Int64, _ connection: any SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO rollup_stamps (workspace_key, changes) VALUES ($1, 1)
            ON CONFLICT (workspace_key) DO UPDATE SET changes = rollup_stamps.changes + 1
            """, [.int(workspace)])
    }

    /// Makes the figures anew out of the runs, but for days of which retention may have removed runs: those stay as they
    /// are. For a store that nobody else is writing to.
    public static func rebuild(_ connection: any SQLConnection) throws {
        func kept(_ workspace: String) -> String {
            "COALESCE((SELECT s.runs_gone_until / 86400000000 FROM retention_settings s WHERE s.workspace_key = \(workspace)), -1)"
        }
        try connection.run("DELETE FROM agent_days WHERE day > \(kept("agent_days.workspace_key"))", [])
        try connection.run(
            """
            INSERT INTO agent_days \(added) WHERE r.completed_at IS NOT NULL AND r.is_test = 0
              AND r.started_at / 86400000000 > \(kept("r.workspace_key")) \(upsert)
            """, [])
    }
}
