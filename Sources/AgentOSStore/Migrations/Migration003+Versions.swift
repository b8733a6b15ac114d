extension Migration {
    /// Versions of agents: each change of a configuration adds one; runs name theirs.
    static func versionTables(_ d: Dialect) -> [String] {
        let (int, text) = (d.integer, d.text)
        return [
            "ALTER TABLE agents ADD COLUMN version \(int) NOT NULL DEFAULT 1",
            "ALTER TABLE runs ADD COLUMN agent_version \(int)",
            """
            CREATE TABLE agent_versions (
              agent_key \(int) NOT NULL, version \(int) NOT NULL, configuration \(text) NOT NULL, author \(text),
              note \(text), created_at \(int) NOT NULL, PRIMARY KEY (agent_key, version))\(d.clustered)
            """,
        ]
    }
}
