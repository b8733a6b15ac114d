extension Migration {
    /// Rules that raise an alarm.
    static func alertTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            // `breached_at`: since when the condition holds; it fires again only after it was false.
            """
            CREATE TABLE alert_rules (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int),
              name \(text) NOT NULL, condition_type \(text) NOT NULL, condition_config \(text) NOT NULL,
              channels \(text) NOT NULL, notification_config \(text) NOT NULL, secret \(blob), active \(int) NOT NULL,
              breached_at \(int), last_triggered_at \(int), created_at \(int) NOT NULL)
            """,
            "CREATE INDEX alert_rules_by_workspace ON alert_rules (workspace_key, key)",
            "CREATE INDEX runs_ended ON runs (agent_key, completed_at) WHERE completed_at IS NOT NULL AND is_test = 0",
        ]
    }
}
