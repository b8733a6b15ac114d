extension Migration {
    /// What members are told.
    static func notificationTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            """
            CREATE TABLE notifications (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, type \(text) NOT NULL,
              title \(text) NOT NULL, body \(text) NOT NULL, agent_key \(int), run_key \(int), read_at \(int),
              created_at \(int) NOT NULL)
            """,
            "CREATE INDEX notifications_by_workspace ON notifications (workspace_key, key)",
            "CREATE INDEX notifications_unread ON notifications (workspace_key, key) WHERE read_at IS NULL",
            "CREATE INDEX notifications_by_agent ON notifications (agent_key) WHERE agent_key IS NOT NULL",
        ]
    }
}
