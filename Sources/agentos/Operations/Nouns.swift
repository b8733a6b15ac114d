/// Everything of the control plane that has no command of its own shape.
enum Nouns {
    enum Folders: Noun {
        static let name = "folders"
        static let abstract = "Group agents in folders."
        static let verbs = [
            Verb("list", "folders_list"),
            Verb("create", "folders_create"),
            Verb("delete", "folders_delete"),
        ]
    }

    enum Members: Noun {
        static let name = "members"
        static let abstract = "See who belongs to the workspace, invite and remove people."
        static let verbs = [
            Verb("list", "members_list"),
            Verb("invite", "members_invite"),
            Verb("remove", "members_remove"),
        ]
    }

    enum Workspaces: Noun {
        static let name = "workspaces"
        static let abstract = "List, make and delete workspaces."
        static let verbs = [
            Verb("list", "workspaces_list"),
            Verb("create", "workspaces_create"),
            Verb("delete", "workspaces_delete"),
        ]
    }

    enum WorkspaceKeys: Noun {
        static let name = "workspace-keys"
        static let abstract = "Make keys of the whole workspace."
        static let verbs = [
            Verb("create", "keys_create_workspace")
        ]
    }

    enum UserKeys: Noun {
        static let name = "user-keys"
        static let abstract = "Make, list and revoke personal keys."
        static let verbs = [
            Verb("list", "keys_list_user"),
            Verb("create", "keys_create_user"),
            Verb("revoke", "keys_revoke_user"),
        ]
    }

    enum Versions: Noun {
        static let name = "versions"
        static let abstract = "Look at the versions of an agent's configuration, compare them, go back."
        static let verbs = [
            Verb("list", "agents_versions", "version author note created_at"),
            Verb("show", "agents_version_get"),
            Verb("diff", "agents_diff"),
            Verb("rollback", "agents_rollback"),
        ]
    }

    enum Search: Noun {
        static let name = "search"
        static let abstract = "Find runs by words of input, output and error, and by what they are."
        static let verbs = [
            Verb("search", "runs_search", "id agent_name status started_at duration_ms error_message")
        ]
    }

    enum AuditLog: Noun {
        static let name = "audit"
        static let abstract = "See who changed what."
        static let verbs = [
            Verb(
                "list", "audit_list",
                "created_at operation who=actor.email|actor.key_name|actor.kind object_type object_id")
        ]
    }

    enum Usage: Noun {
        static let name = "usage"
        static let abstract = "Sum runs, tokens and cost by agent, model and day."
        static let verbs = [
            Verb("summary", "usage_summary")
        ]
    }

    enum Fleet: Noun {
        static let name = "fleet"
        static let abstract = "See how every agent does, the worst first."
        static let verbs = [
            Verb(
                "health", "fleet_health",
                "agent_name status run_count failed_count failure_rate health_score health_score_start")
        ]
    }

    enum Schedules: Noun {
        static let name = "schedules"
        static let abstract = "Have agents run by themselves."
        static let verbs = [
            Verb("get", "schedules_get"),
            Verb("set", "schedules_upsert"),
            Verb("delete", "schedules_delete"),
        ]
    }

    enum Webhooks: Noun {
        static let name = "webhooks"
        static let abstract = "Tell others by HTTP what happens."
        static let verbs = [
            Verb("list", "webhooks_list", "id name url events enabled disabled_at"),
            Verb("create", "webhooks_create"),
            Verb("update", "webhooks_update"),
            Verb("delete", "webhooks_delete"),
            Verb("deliveries", "webhooks_deliveries", "id event status attempts last_status latency_ms created_at"),
            Verb("redeliver", "webhooks_redeliver"),
            Verb("test", "webhooks_test"),
        ]
    }

    enum Alerts: Noun {
        static let name = "alerts"
        static let abstract = "Be told when something goes wrong."
        static let verbs = [
            Verb("list", "alerts_list", "id name condition_type channels active last_triggered_at"),
            Verb("create", "alerts_create"),
            Verb("update", "alerts_update"),
            Verb("delete", "alerts_delete"),
            Verb("test", "alerts_test"),
        ]
    }

    enum Notifications: Noun {
        static let name = "notifications"
        static let abstract = "Read what the workspace was told."
        static let verbs = [
            Verb("list", "notifications_list", "created_at type title read id"),
            Verb("read", "notifications_mark_read"),
        ]
    }

    enum Reports: Noun {
        static let name = "reports"
        static let abstract = "Write and read reports."
        static let verbs = [
            Verb("list", "reports_list", "id type status created_at summary"),
            Verb("get", "reports_get"),
            Verb("generate", "reports_generate"),
            Verb("schedule", "reports_schedule_set"),
            Verb("schedule-get", "reports_schedule_get"),
            Verb("schedule-delete", "reports_schedule_delete"),
            Verb("delete", "reports_delete"),
        ]
    }

    enum Cases: Noun {
        static let name = "cases"
        static let abstract = "Keep the eval cases of agents; agentos eval runs them."
        static let verbs = [
            Verb("list", "evals_list_cases", "id name last_run_status created_at"),
            Verb("create", "evals_create_case"),
            Verb("from-run", "evals_create_from_run"),
            Verb("delete", "evals_delete_case"),
            Verb("run", "evals_run_case"),
            Verb("result", "evals_get_run"),
            Verb("suite", "evals_run_suite"),
            Verb("suite-result", "evals_get_suite", "name status run_id error_message"),
            Verb("compare", "evals_compare", "name from_status to_status change"),
        ]
    }

    enum Jobs: Noun {
        static let name = "jobs"
        static let abstract = "See what is to be done later, and try again what was given up."
        static let verbs = [
            Verb("list", "jobs_list"),
            Verb("retry", "jobs_retry"),
        ]
    }

    enum Retention: Noun {
        static let name = "retention"
        static let abstract = "Say how many days the workspace keeps its data."
        static let verbs = [
            Verb("get", "retention_get"),
            Verb("set", "retention_set"),
        ]
    }

    enum Conversations: Noun {
        static let name = "conversations"
        static let abstract = "List, read and delete conversations."
        static let verbs = [
            Verb("list", "conversations_list"),
            Verb("get", "conversations_get"),
            Verb("delete", "conversations_delete"),
        ]
    }

    enum Resources: Noun {
        static let name = "resources"
        static let abstract = "Keep the files that agents can read."
        static let verbs = [
            Verb("list", "resources_list"),
            Verb("create", "resources_create"),
            Verb("delete", "resources_delete"),
        ]
    }

    enum Tools: Noun {
        static let name = "tools"
        static let abstract = "Keep the workspace's own tools."
        static let verbs = [
            Verb("list", "tools_list_workspace", "id name method url enabled requires_approval"),
            Verb("builtin", "tools_list_builtin", "name description"),
            Verb("composio", "tools_list_composio"),
            Verb("create", "tools_create_workspace"),
            Verb("delete", "tools_delete_workspace"),
        ]
    }

    enum MCPServers: Noun {
        static let name = "mcp-servers"
        static let abstract = "Keep the MCP servers whose tools agents can use."
        static let verbs = [
            Verb("list", "mcp_servers_list"),
            Verb("create", "mcp_servers_create"),
            Verb("refresh", "mcp_servers_refresh"),
            Verb("delete", "mcp_servers_delete"),
        ]
    }

    enum Providers: Noun {
        static let name = "providers"
        static let abstract = "Keep the workspace's keys of model providers."
        static let verbs = [
            Verb("list", "providers_list"),
            Verb("set", "providers_set"),
            Verb("delete", "providers_delete"),
        ]
    }

    enum Budgets: Noun {
        static let name = "budgets"
        static let abstract = "Say what hosted runs may cost a day."
        static let verbs = [
            Verb("list", "budgets_list"),
            Verb("get", "budgets_get"),
            Verb("set", "budgets_set"),
        ]
    }

    enum Marketplace: Noun {
        static let name = "marketplace"
        static let abstract = "Make agents of templates."
        static let verbs = [
            Verb("list", "marketplace_list_templates", "id name category description"),
            Verb("install", "marketplace_install_template"),
        ]
    }

    enum Integrations: Noun {
        static let name = "integrations"
        static let abstract = "See which outside services are connected."
        static let verbs = [
            Verb("list", "integrations_list")
        ]
    }
}
