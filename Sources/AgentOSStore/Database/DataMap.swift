/// What every table of the store belongs to: the one place that deletion, retention and export go by.
///
/// A table that is not named here fails a test, so that no new one is forgotten.
public enum DataMap {
    /// Belong to a run by `run_key` and go with it.
    public static let ofRuns = [
        "run_steps", "tasks", "human_requests", "approvals", "merge_queue", "run_counters", "event_chunks",
        "search_queue", "alert_firings", "invocations",
    ]

    /// Belong to an agent by `agent_key` and go with it, after its runs and conversations. `conversations` and
    /// `runs` go in slices of their own.
    public static let ofAgents = [
        "notifications", "agent_days", "schedules", "webhooks", "deliveries", "inbound_hooks",
        "alert_rules", "eval_cases", "eval_runs", "reports", "agent_versions", "budgets", "spend_days", "api_keys",
    ]

    /// Belong to a workspace by `workspace_key` and go with it, after its agents.
    public static let ofWorkspaces = [
        "audit_log", "deliveries", "notifications", "jobs", "api_keys", "members", "invites", "folders", "resources",
        "workspace_tools", "mcp_servers", "provider_settings", "budgets", "spend_days", "agent_days", "schedules",
        "webhooks", "alert_rules", "eval_cases", "reports", "approvals", "retention_settings",
        "report_schedules", "rollup_stamps",
    ]

    /// Go in slices by steps of their own.
    public static let inSlices = ["workspaces", "agents", "runs", "conversations", "conversation_messages"]

    /// Of the whole server.
    public static let ofServer = ["users", "nodes", "schema_migrations"]
}
