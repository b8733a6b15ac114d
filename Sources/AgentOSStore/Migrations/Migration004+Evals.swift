extension Migration {
    /// Cases that an agent has to pass, and how it did.
    static func evalTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            """
            CREATE TABLE eval_cases (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL,
              name \(text) NOT NULL, input \(text) NOT NULL, assertions \(text) NOT NULL, created_at \(int) NOT NULL)
            """,
            "CREATE INDEX eval_cases_by_agent ON eval_cases (agent_key, key)",
            """
            CREATE TABLE eval_runs (
              key \(key), id \(blob) NOT NULL UNIQUE, case_key \(int) NOT NULL, agent_key \(int) NOT NULL,
              run_key \(int), status \(text) NOT NULL, results \(text) NOT NULL, error_message \(text),
              created_at \(int) NOT NULL, completed_at \(int))
            """,
            "CREATE INDEX eval_runs_by_case ON eval_runs (case_key, key)",
            "CREATE INDEX eval_runs_by_agent ON eval_runs (agent_key)",
        ]
    }
}
