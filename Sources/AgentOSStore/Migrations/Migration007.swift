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
            """
            CREATE TABLE report_schedules (
              workspace_key \(d.integerKey), frequency \(text) NOT NULL, day_of_week \(int), minute \(int) NOT NULL,
              timezone \(text) NOT NULL, email \(text), next_run_at \(int) NOT NULL, updated_at \(int) NOT NULL)
            """,
        ]
    }
}
