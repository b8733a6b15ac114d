extension Migration {
    /// The durable runtime: leases, jobs, approvals, tools of a workspace, files, prices and budgets.
    static let durableRuntime = Migration(version: 2, name: "durable runtime") { d in
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            "ALTER TABLE agents ADD COLUMN approval_tools \(text) NOT NULL DEFAULT '[]'",
            "ALTER TABLE agents ADD COLUMN fallback_models \(text) NOT NULL DEFAULT '[]'",
            "ALTER TABLE agents ADD COLUMN pinned_resources \(text) NOT NULL DEFAULT '[]'",
            // Money is an integer number of billionths of a US dollar.
            "ALTER TABLE agents ADD COLUMN max_cost \(int)",
            // `fence` grows with each claim of a hosted run; `node_key` names the process that executes it.
            "ALTER TABLE runs ADD COLUMN fence \(int) NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN node_key \(int)",
            "ALTER TABLE runs ADD COLUMN origin_key \(int)",
            "ALTER TABLE runs ADD COLUMN origin_step \(int)",
            "CREATE INDEX runs_executed ON runs (node_key) WHERE hosted = 1 AND status = 'running'",
            "CREATE INDEX runs_by_parent ON runs (parent_key) WHERE parent_key IS NOT NULL",
            "ALTER TABLE run_counters ADD COLUMN span_cost \(int) NOT NULL DEFAULT 0",
            "ALTER TABLE run_counters ADD COLUMN span_priced \(int) NOT NULL DEFAULT 0",
            "ALTER TABLE run_counters ADD COLUMN response_cost \(int) NOT NULL DEFAULT 0",
            "ALTER TABLE run_counters ADD COLUMN response_priced \(int) NOT NULL DEFAULT 0",
            // One row a process that executes runs; its runs are taken over when the lease has run out.
            "CREATE TABLE nodes (key \(key), id \(blob) NOT NULL UNIQUE, started_at \(int) NOT NULL, lease_until \(int) NOT NULL)",
            """
            CREATE TABLE jobs (
              key \(key), kind \(text) NOT NULL, name \(text) NOT NULL, run_at \(int) NOT NULL,
              attempts \(int) NOT NULL DEFAULT 0, lease_until \(int), fence \(int) NOT NULL DEFAULT 0,
              payload \(text) NOT NULL, last_error \(text), parked_at \(int), created_at \(int) NOT NULL,
              UNIQUE (kind, name))
            """,
            "CREATE INDEX jobs_due ON jobs (run_at) WHERE parked_at IS NULL AND lease_until IS NULL",
            "CREATE INDEX jobs_leased ON jobs (lease_until) WHERE lease_until IS NOT NULL",
            """
            CREATE TABLE approvals (
              key \(key), id \(blob) NOT NULL UNIQUE, run_key \(int) NOT NULL, workspace_key \(int) NOT NULL,
              agent_key \(int) NOT NULL, call_id \(text) NOT NULL, tool \(text) NOT NULL, input \(text) NOT NULL,
              edited_input \(text), status \(text) NOT NULL, note \(text), decided_by \(text), decided_at \(int),
              created_at \(int) NOT NULL, expires_at \(int) NOT NULL)
            """,
            "CREATE INDEX approvals_by_run ON approvals (run_key, key)",
            "CREATE INDEX approvals_pending ON approvals (workspace_key, key) WHERE status = 'pending'",
            "ALTER TABLE human_requests ADD COLUMN options \(text)",
            // What an invoke with an Idempotency-Key began.
            """
            CREATE TABLE invocations (
              agent_key \(int) NOT NULL, idempotency_key \(text) NOT NULL, digest \(blob) NOT NULL,
              run_key \(int) NOT NULL, created_at \(int) NOT NULL, PRIMARY KEY (agent_key, idempotency_key))\(d.clustered)
            """,
            """
            CREATE TABLE resources (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, filename \(text) NOT NULL,
              mime_type \(text) NOT NULL, size_bytes \(int) NOT NULL, content \(text) NOT NULL,
              created_at \(int) NOT NULL, updated_at \(int) NOT NULL, UNIQUE (workspace_key, filename))
            """,
            """
            CREATE TABLE workspace_tools (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, name \(text) NOT NULL,
              method \(text) NOT NULL, url \(text) NOT NULL, description \(text), enabled \(int) NOT NULL,
              auth_secret \(blob), input_schema \(text), headers \(blob), timeout_seconds \(int) NOT NULL,
              requires_approval \(int) NOT NULL, idempotent \(int) NOT NULL, unknown_outcome \(text) NOT NULL,
              created_at \(int) NOT NULL, UNIQUE (workspace_key, name))
            """,
            """
            CREATE TABLE mcp_servers (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, name \(text) NOT NULL,
              url \(text) NOT NULL, auth_secret \(blob), tools \(text) NOT NULL, last_error \(text),
              refreshed_at \(int), created_at \(int) NOT NULL, UNIQUE (workspace_key, name))
            """,
            // `agent_key` 0 stands for the whole workspace.
            """
            CREATE TABLE budgets (
              workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL, daily_limit \(int) NOT NULL,
              created_at \(int) NOT NULL, updated_at \(int) NOT NULL, PRIMARY KEY (workspace_key, agent_key))
            """,
            // What hosted runs spent and have reserved, by UTC day (days since 1970).
            """
            CREATE TABLE spend_days (
              workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL, day \(int) NOT NULL, spent \(int) NOT NULL,
              reserved \(int) NOT NULL, PRIMARY KEY (workspace_key, agent_key, day))\(d.clustered)
            """,
        ]
    }
}
