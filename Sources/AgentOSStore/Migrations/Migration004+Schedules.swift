extension Migration {
    /// When agents run by themselves: at most one schedule an agent.
    static func scheduleTables(_ d: Dialect) -> [String] {
        let (int, text) = (d.integer, d.text)
        return [
            """
            CREATE TABLE schedules (
              agent_key \(d.integerKey), workspace_key \(int) NOT NULL, frequency \(text), day_of_week \(int),
              minute \(int) NOT NULL, cron \(text), timezone \(text) NOT NULL, input \(text) NOT NULL,
              prompt_variables \(text) NOT NULL, enabled \(int) NOT NULL, next_run_at \(int), last_run_at \(int),
              last_run_key \(int), last_skipped_at \(int), created_at \(int) NOT NULL, updated_at \(int) NOT NULL)
            """
        ]
    }
}
