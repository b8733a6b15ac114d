extension Migration {
    /// How long a workspace keeps things, and workspaces that go for good.
    static let retention = Migration(version: 6, name: "retention") { d in
        let int = d.integer
        return [
            "ALTER TABLE workspaces ADD COLUMN deleted_at \(int)",
            "CREATE INDEX workspaces_deleted ON workspaces (deleted_at) WHERE deleted_at IS NOT NULL",
            // Days; null keeps for ever. `runs_gone_until`: runs that ended before it may be gone from the store.
            """
            CREATE TABLE retention_settings (
              workspace_key \(d.integerKey), event_days \(int), run_days \(int), conversation_days \(int),
              runs_gone_until \(int), swept_at \(int), updated_at \(int) NOT NULL)
            """,
            "CREATE INDEX runs_by_origin ON runs (origin_key) WHERE origin_key IS NOT NULL",
        ]
    }
}
