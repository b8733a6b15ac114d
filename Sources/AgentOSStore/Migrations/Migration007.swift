extension Migration {
    /// Evals of versions and suites, alerts on events, templates of inbound links, reports by themselves.
    static let moreAutomation = Migration(version: 7, name: "more automation") { d in
        let (int, text, blob) = (d.integer, d.text, d.blob)
        return [
            "ALTER TABLE eval_runs ADD COLUMN agent_version \(int)",
            "ALTER TABLE eval_runs ADD COLUMN suite_id \(blob)",
            "CREATE INDEX eval_runs_by_suite ON eval_runs (suite_id) WHERE suite_id IS NOT NULL",
            "ALTER TABLE inbound_hooks ADD COLUMN template \(text)",
            // That a rule on an event fired for a run: once is enough.
            """
            CREATE TABLE alert_firings (
              run_key \(int) NOT NULL, rule_key \(int) NOT NULL, PRIMARY KEY (run_key, rule_key))\(d.clustered)
            """,
            // Figures are asked for by days: those of a day lie together.
            "DROP INDEX agent_days_by_day",
            "ALTER TABLE agent_days RENAME TO agent_days_before",
            """
            CREATE TABLE agent_days (
              workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL, day \(int) NOT NULL, model \(text) NOT NULL,
              runs \(int) NOT NULL, completed \(int) NOT NULL, failed \(int) NOT NULL, cancelled \(int) NOT NULL,
              duration_ms \(int) NOT NULL, input_tokens \(int) NOT NULL, output_tokens \(int) NOT NULL,
              cache_read_tokens \(int) NOT NULL, cache_creation_tokens \(int) NOT NULL, cost \(int) NOT NULL,
              unpriced_calls \(int) NOT NULL, PRIMARY KEY (workspace_key, day, agent_key, model))\(d.clustered)
            """,
            "INSERT INTO agent_days SELECT * FROM agent_days_before",
            "DROP TABLE agent_days_before",
            "CREATE INDEX agent_days_by_agent ON agent_days (agent_key, day)",
            // Counts changes of days that are over, so that what was summed up of them can be kept.
            "CREATE TABLE rollup_stamps (workspace_key \(d.integerKey), changes \(int) NOT NULL)",
            // Few runs end so, and people look for them: a list of them must not walk over all the others.
            """
            CREATE INDEX runs_unusual ON runs (workspace_key, status, key) WHERE status IN ('failed', 'cancelled')
            """,
            """
            CREATE INDEX runs_unusual_of_agent ON runs (agent_key, status, key)
              WHERE status IN ('failed', 'cancelled')
            """,
            """
            CREATE TABLE report_schedules (
              workspace_key \(d.integerKey), frequency \(text) NOT NULL, day_of_week \(int), minute \(int) NOT NULL,
              timezone \(text) NOT NULL, email \(text), next_run_at \(int) NOT NULL, updated_at \(int) NOT NULL)
            """,
        ]
    }
}
