extension Migration {
    /// Who did what; rows are only ever added.
    static func auditTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            """
            CREATE TABLE audit_log (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int), operation \(text) NOT NULL,
              actor_kind \(text) NOT NULL, key_key \(int), user_key \(int), object_type \(text), object_id \(text),
              parameters \(text) NOT NULL, before_state \(text), after_state \(text), created_at \(int) NOT NULL)
            """,
            "CREATE INDEX audit_log_by_workspace ON audit_log (workspace_key, key)",
            "CREATE INDEX audit_log_by_object ON audit_log (workspace_key, object_id, key) WHERE object_id IS NOT NULL",
        ]
    }
}
