extension Migration {
    /// Who is told by HTTP, and what was sent.
    static func webhookTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            // `agent_key` null: of the whole workspace. `is_setting`: the one URL in an agent's settings.
            """
            CREATE TABLE webhooks (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int),
              is_setting \(int) NOT NULL, name \(text), url \(text) NOT NULL, secret \(blob) NOT NULL,
              events \(text) NOT NULL, enabled \(int) NOT NULL, failing_since \(int), disabled_at \(int),
              created_at \(int) NOT NULL)
            """,
            "CREATE INDEX webhooks_by_workspace ON webhooks (workspace_key, key)",
            "CREATE UNIQUE INDEX webhooks_setting ON webhooks (agent_key) WHERE is_setting = 1",
            """
            CREATE TABLE deliveries (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, hook_key \(int), rule_key \(int),
              agent_key \(int), run_key \(int), event \(text) NOT NULL, body \(text) NOT NULL, status \(text) NOT NULL,
              attempts \(int) NOT NULL, last_status \(int), last_error \(text), latency_ms \(int),
              response_head \(text), created_at \(int) NOT NULL, finished_at \(int))
            """,
            "CREATE INDEX deliveries_by_hook ON deliveries (hook_key, key) WHERE hook_key IS NOT NULL",
            "CREATE INDEX deliveries_by_agent ON deliveries (agent_key) WHERE agent_key IS NOT NULL",
            "CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL",
            """
            CREATE TABLE inbound_hooks (
              agent_key \(key), token_digest \(blob) NOT NULL UNIQUE, secret \(blob), style \(text) NOT NULL,
              created_at \(int) NOT NULL)
            """,
        ]
    }
}
