import AgentOSCore

/// Keeps `agent_days` in step as runs end: what is shown over days never scans runs or events.
public struct RollupKeeper: RunChangeListener {
    private static let effectiveTokens = ["input", "output", "cache_read", "cache_creation"].map { part in
        // Given counts win over those of spans, those over responses'.
        """
        CASE WHEN c.given_input IS NULL AND c.given_output IS NULL AND c.given_cache_read IS NULL
          AND c.given_cache_creation IS NULL
        THEN CASE WHEN c.span_count > 0 THEN c.span_\(part) ELSE c.response_\(part) END
        ELSE COALESCE(c.given_\(part), 0) END
        """
    }.joined(separator: ", ")

    /// One ended run as a row of its day.
    private static let contribution = """
        SELECT r.workspace_key, r.agent_key, r.started_at / 86400000000, COALESCE(c.model, ''), 1, r.status = 'completed', r.status = 'failed',
          r.status = 'cancelled', COALESCE(r.duration_ms, 0), \(effectiveTokens),
          CASE WHEN c.span_count > 0 THEN c.span_cost ELSE c.response_cost END,
          CASE WHEN c.span_count > 0 THEN c.span_count - c.span_priced ELSE c.response_count - c.response_priced END
        FROM runs r JOIN run_counters c ON c.run_key = r.key
        """

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
            "INSERT INTO agent_days \(Self.contribution) WHERE r.key = $1 \(Self.upsert)", [.int(change.run.key)])
        let today = change.at.microseconds / 86_400_000_000 * 86_400_000_000
        let began = try connection.int("SELECT started_at FROM runs WHERE key = $1", [.int(change.run.key)])
        if let began, began < today { try Self.stamp(change.run.workspaceKey, connection) }
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
            INSERT INTO agent_days \(contribution) WHERE r.completed_at IS NOT NULL AND r.is_test = 0
              AND r.started_at / 86400000000 > \(kept("r.workspace_key")) \(upsert)
            """, [])
    }
}
