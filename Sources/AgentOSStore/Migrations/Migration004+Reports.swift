extension Migration {
    /// Written reports.
    static func reportTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            """
            CREATE TABLE reports (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int), run_key \(int),
              type \(text) NOT NULL, status \(text) NOT NULL, summary \(text), content \(text), error_message \(text),
              period_start \(int), period_end \(int), created_at \(int) NOT NULL)
            """,
            "CREATE INDEX reports_by_workspace ON reports (workspace_key, key)",
            "CREATE INDEX reports_by_agent ON reports (agent_key) WHERE agent_key IS NOT NULL",
        ]
    }
}
