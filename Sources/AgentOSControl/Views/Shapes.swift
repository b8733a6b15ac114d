/// The objects of contract 5.2, as documents describe them. Views make them; a test holds the two together.
extension ResultType {
    static let ok = ResultType.boolean

    private static let agentSummaryMembers: [(String, ResultType)] = [
        ("id", .uuid), ("name", .string), ("role", .nullable(.string)), ("description", .nullable(.string)),
        ("status", .choice(["active", "paused", "archived"])), ("runtime_type", .choice(["hosted", "external"])),
        ("provider_type", .nullable(.string)), ("model", .nullable(.string)), ("tools", .array(.string)),
        ("tags", .array(.string)), ("folder_id", .nullable(.uuid)), ("is_builtin", .boolean), ("created_at", .time),
        ("updated_at", .time), ("version", .integer),
    ]

    static let agentSummary = ResultType.named("AgentSummary", .object(agentSummaryMembers))

    static let agent = ResultType.named(
        "Agent",
        .object(
            agentSummaryMembers + [
                ("system_prompt", .nullable(.string)), ("temperature", .nullable(.number)), ("max_tokens", .integer),
                ("max_iterations", .integer), ("pinned_resource_ids", .array(.string)),
                ("prompt_variables", .freeObject), ("input_schema", .nullable(.freeObject)),
                ("output_schema", .nullable(.freeObject)), ("approval_tools", .array(.string)),
                ("fallback_models", .array(.string)), ("max_cost_usd", .nullable(.number)),
                ("webhook_url", .nullable(.string)),
            ]))

    static let runStatus = ResultType.choice([
        "running", "awaiting_approval", "awaiting_input", "completed", "failed", "cancelled",
    ])

    private static let runSummaryMembers: [(String, ResultType)] = [
        ("id", .uuid), ("agent_id", .uuid), ("agent_name", .string), ("status", runStatus),
        ("trigger_type", .choice(["manual", "scheduled", "webhook", "sdk", "agent"])),
        ("external_run_id", .nullable(.string)), ("parent_run_id", .nullable(.uuid)), ("session_id", .nullable(.uuid)),
        ("is_test", .boolean), ("started_at", .time), ("completed_at", .nullable(.time)),
        ("duration_ms", .nullable(.integer)), ("error_message", .nullable(.string)),
        ("input_tokens", .nullable(.integer)), ("output_tokens", .nullable(.integer)),
        ("cache_read_tokens", .nullable(.integer)), ("cache_creation_tokens", .nullable(.integer)),
        ("cost_usd", .nullable(.number)), ("unpriced_model_calls", .integer), ("agent_version", .nullable(.integer)),
    ]

    static let runSummary = ResultType.named("RunSummary", .object(runSummaryMembers))

    private static let task = ResultType.named(
        "Task",
        .object([
            ("id", .uuid), ("name", .string),
            ("status", .choice(["pending", "running", "completed", "failed", "skipped"])), ("input", .anything),
            ("output", .anything), ("error_message", .nullable(.string)), ("started_at", .nullable(.time)),
            ("completed_at", .nullable(.time)),
        ]))

    static let run = ResultType.named(
        "Run",
        .object(
            runSummaryMembers + [
                ("input", .anything), ("output", .anything), ("error_detail", .anything),
                ("cancel_reason", .nullable(.string)), ("event_count", .integer),
                ("replay_of", .nullable(.object([("run_id", .uuid), ("from_step", .integer)]))),
                (
                    "awaiting_approval",
                    .nullable(
                        .object([
                            ("approval_id", .uuid), ("tool", .string), ("input", .anything), ("expires_at", .time),
                        ])
                    )
                ),
                (
                    "awaiting_input",
                    .nullable(
                        .object([
                            ("request_id", .uuid), ("question", .string), ("context", .anything),
                            ("options", .array(.string)),
                        ]))
                ),
                ("tasks", .array(task)),
            ]))

    static let event = ResultType.named(
        "Event",
        .object([
            ("id", .uuid), ("run_id", .uuid), ("sequence_number", .integer), ("type", .string),
            ("level", .choice(["debug", "info", "warn", "error"])), ("payload", .anything), ("occurred_at", .time),
            ("created_at", .time), ("span_id", .nullable(.string)), ("parent_span_id", .nullable(.string)),
            ("kind", .nullable(.string)), ("started_at", .nullable(.time)), ("ended_at", .nullable(.time)),
            ("duration_ms", .nullable(.number)),
        ]))

    static let approval = ResultType.named(
        "Approval",
        .object([
            ("id", .uuid), ("approval_id", .uuid), ("run_id", .uuid), ("agent_id", .uuid), ("agent_name", .string),
            ("tool", .string), ("input", .anything), ("edited_input", .anything),
            ("status", .choice(["pending", "approved", "rejected", "expired", "cancelled"])),
            ("decision_note", .nullable(.string)), ("decided_by", .nullable(.string)),
            ("decided_at", .nullable(.time)), ("created_at", .time), ("expires_at", .time),
        ]))

    private static let conversationMembers: [(String, ResultType)] = [
        ("id", .uuid), ("agent_id", .uuid), ("external_user_id", .nullable(.string)), ("title", .nullable(.string)),
        ("message_count", .integer), ("created_at", .time), ("last_message_at", .time),
    ]

    static let conversation = ResultType.named("Conversation", .object(conversationMembers))

    static let conversationWithMessages = ResultType.named(
        "ConversationWithMessages",
        .object(
            conversationMembers + [
                (
                    "messages",
                    .array(
                        .object([
                            ("role", .choice(["user", "assistant"])), ("content", .string),
                            ("run_id", .nullable(.uuid)), ("created_at", .time),
                        ]))
                )
            ]))

    static let workspaceTool = ResultType.named(
        "WorkspaceTool",
        .object([
            ("id", .uuid), ("name", .string), ("method", .string), ("url", .string),
            ("description", .nullable(.string)), ("enabled", .boolean), ("has_auth", .boolean),
            ("header_names", .nullable(.array(.string))), ("input_schema", .nullable(.freeObject)),
            ("timeout_seconds", .integer), ("requires_approval", .boolean), ("idempotent", .boolean),
            ("unknown_outcome", .string), ("created_at", .time),
        ]))

    static let resource = ResultType.named(
        "Resource",
        .object([
            ("id", .uuid), ("filename", .string), ("mime_type", .string), ("size_bytes", .integer),
            ("created_at", .time), ("updated_at", .time),
        ]))

    static let mcpServer = ResultType.named(
        "MCPServer",
        .object([
            ("id", .uuid), ("name", .string), ("url", .string), ("has_auth", .boolean),
            (
                "tools",
                .array(
                    .object([
                        ("name", .string), ("tool", .string), ("description", .string), ("read_only", .boolean),
                        ("idempotent", .boolean),
                    ]))
            ), ("last_error", .nullable(.string)), ("refreshed_at", .nullable(.time)), ("created_at", .time),
        ]))

    /// What an invoke answers with; members beside these say what a paused run waits for.
    static let invocation = ResultType.named(
        "InvokeResult", .open([("run_id", .uuid), ("output", .anything), ("duration_ms", .integer)]))
}
