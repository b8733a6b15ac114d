extension Migration {
    /// Figures by agent, UTC day (days since 1970) and the model that a run called first. A run counts on the day it began;
    /// test runs do not count.
    static func rollupTables(_ d: Dialect) -> [String] {
        let int = d.integer
        return [
            "ALTER TABLE run_counters ADD COLUMN model \(d.text)",
            """
            CREATE TABLE agent_days (
              workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL, day \(int) NOT NULL, model \(d.text) NOT NULL, runs \(int) NOT NULL,
              completed \(int) NOT NULL, failed \(int) NOT NULL, cancelled \(int) NOT NULL,
              duration_ms \(int) NOT NULL, input_tokens \(int) NOT NULL, output_tokens \(int) NOT NULL,
              cache_read_tokens \(int) NOT NULL, cache_creation_tokens \(int) NOT NULL, cost \(int) NOT NULL,
              unpriced_calls \(int) NOT NULL, PRIMARY KEY (workspace_key, agent_key, day, model))\(d.clustered)
            """,
            "CREATE INDEX agent_days_by_day ON agent_days (workspace_key, day)",
        ]
    }
}
