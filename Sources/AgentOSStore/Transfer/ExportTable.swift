/// What an export holds of one table, and how its rows are found again elsewhere: keys of this store never leave it, a
/// reference is written as the id of what it means.
struct ExportTable: Sendable {
    enum Kind: Sendable {
        case plain, uuid, json, bytes
        /// A key of another table, written as that row's `column`.
        case reference(table: String, column: String)
        /// As above; 0 stands for none.
        case referenceOrZero(table: String)
    }

    /// Whose pages the rows come with.
    enum Parent: Sendable {
        /// Rows of the workspace, paged by their own key.
        case workspace
        /// Users, by way of the members.
        case members
        /// All rows of an agent, run or case, right behind it.
        case row(of: String, column: String, order: String)
        /// As above, but apart from it and later, since they name what comes in between.
        case later(of: String, column: String, order: String)
        /// All rows of the workspace at once: few.
        case whole(order: String)
    }

    let name: String
    let parent: Parent
    let columns: [(name: String, kind: Kind)]

    /// - Parameter text: columns by spaces: `name`, `id:uuid`, `input:json`, `digest:bytes`, `agent_key>agents`,
    ///   `user_key>users.email`, `agent_key>agents?` where 0 stands for none.
    init(_ name: String, _ parent: Parent, _ text: String) {
        self.name = name
        self.parent = parent
        columns = text.split(whereSeparator: \.isWhitespace).map { word in
            if let mark = word.firstIndex(of: ">") {
                let target = word[word.index(after: mark)...]
                let name = String(word[..<mark])
                if target.hasSuffix("?") { return (name, .referenceOrZero(table: String(target.dropLast()))) }
                let parts = target.split(separator: ".").map(String.init)
                return (name, .reference(table: parts[0], column: parts.count > 1 ? parts[1] : "id"))
            }
            let parts = word.split(separator: ":").map(String.init)
            let kind: Kind =
                switch parts.count > 1 ? parts[1] : "" {
                case "uuid": .uuid
                case "json": .json
                case "bytes": .bytes
                default: .plain
                }
            return (parts[0], kind)
        }
    }

    /// Of the workspace, paged by its own key.
    init(_ name: String, _ text: String) { self.init(name, .workspace, text) }

    var hasWorkspace: Bool {
        switch parent {
        case .workspace, .whole: true
        case .members, .later: false
        case .row: ["schedules", "agent_days", "approvals"].contains(name)
        }
    }

    /// Which rows of a page's table count: deleted agents do not, nor do the keys of persons.
    var condition: String {
        switch parent {
        case .later(of: "agents", _, _): "t.deleted_at IS NULL AND "
        case .workspace where name == "agents": "t.deleted_at IS NULL AND "
        case .workspace where name == "api_keys": "t.user_key IS NULL AND "
        default: ""
        }
    }

    /// The exported columns as SQL, of the table under the name `t`.
    var selection: String {
        columns.map { column in
            switch column.kind {
            case .plain, .uuid, .json, .bytes: "t.\(column.name)"
            case .reference(let table, let other):
                "(SELECT x.\(other) FROM \(table) x WHERE x.key = t.\(column.name))"
            case .referenceOrZero(let table):
                "(SELECT x.id FROM \(table) x WHERE x.key = t.\(column.name))"
            }
        }.joined(separator: ", ")
    }

    /// Stores a row unless it is there; the last argument is the workspace's key for tables that have one.
    var insertion: String {
        var names = columns.map(\.name)
        var values = columns.enumerated().map { index, column in
            switch column.kind {
            case .plain, .uuid, .json, .bytes: "$\(index + 1)"
            case .reference(let table, let other): "(SELECT x.key FROM \(table) x WHERE x.\(other) = $\(index + 1))"
            case .referenceOrZero(let table):
                "COALESCE((SELECT x.key FROM \(table) x WHERE x.id = $\(index + 1)), 0)"
            }
        }
        if hasWorkspace {
            names.append("workspace_key")
            values.append("$\(values.count + 1)")
        }
        return """
            INSERT INTO \(name) (\(names.joined(separator: ", "))) VALUES (\(values.joined(separator: ", ")))
            ON CONFLICT DO NOTHING
            """
    }

    // MARK: - The tables

    /// In the order of an export: what is referred to comes first.
    ///
    /// Left out: whatever holds a secret under this server's master key (`provider_settings`, `webhooks`,
    /// `inbound_hooks`, secret columns), what belongs to a process or to work under way (`jobs`, `nodes`, `deliveries`,
    /// `merge_queue`), open invites, and what is made anew (`search_queue`, the index of words).
    /// `spend_days` begin anew with the next hosted run.
    static let all: [ExportTable] = [
        .init("users", .members, "id:uuid email name created_at"),
        .init("members", "id:uuid user_key>users.email role created_at"),
        .init("folders", "id:uuid name created_at"),
        .init("resources", "id:uuid filename mime_type size_bytes content created_at updated_at"),
        .init(
            "workspace_tools",
            """
            id:uuid name method url description enabled input_schema:json timeout_seconds requires_approval idempotent
            unknown_outcome created_at
            """),
        .init("mcp_servers", "id:uuid name url tools:json last_error refreshed_at created_at"),
        .init(
            "agents",
            """
            id:uuid name role description status runtime_type provider_type model system_prompt temperature max_tokens
            max_iterations tools:json tags:json prompt_variables:json input_schema:json output_schema:json created_at
            updated_at approval_tools:json fallback_models:json pinned_resources:json max_cost folder_key>folders version
            """),
        .init(
            "agent_versions", .row(of: "agents", column: "agent_key", order: "version"),
            "agent_key>agents version configuration:json author note created_at"),
        .init(
            "schedules", .row(of: "agents", column: "agent_key", order: "agent_key"),
            """
            agent_key>agents frequency day_of_week minute cron timezone input:json prompt_variables:json enabled
            created_at updated_at
            """),
        .init(
            "agent_days", .row(of: "agents", column: "agent_key", order: "day, model"),
            """
            agent_key>agents day model runs completed failed cancelled duration_ms input_tokens output_tokens
            cache_read_tokens cache_creation_tokens cost unpriced_calls
            """),
        .init(
            "api_keys",
            "id:uuid kind digest:bytes prefix name agent_key>agents created_at last_used_at revoked_at"),
        .init(
            "conversations",
            "id:uuid agent_key>agents external_user_id title message_count created_at last_message_at"),
        .init(
            "runs",
            """
            id:uuid agent_key>agents status trigger_type hosted is_test external_run_id parent_key>runs
            conversation_key>conversations started_at completed_at duration_ms cancel_reason error_message
            error_detail:json input:json output:json origin_key>runs origin_step agent_version
            """),
        .init(
            "run_counters", .row(of: "runs", column: "run_key", order: "run_key"),
            """
            run_key>runs event_count error_count newest_at span_count span_input span_output span_cache_read
            span_cache_creation response_count response_input response_output response_cache_read
            response_cache_creation given_input given_output given_cache_read given_cache_creation chunk_count
            merged_at span_cost span_priced response_cost response_priced model given_cost
            """),
        .init(
            "run_steps", .row(of: "runs", column: "run_key", order: "position"),
            "run_key>runs position kind payload created_at"),
        .init(
            "tasks", .row(of: "runs", column: "run_key", order: "key"),
            "id:uuid run_key>runs name status input:json output:json error_message created_at started_at completed_at"),
        .init(
            "human_requests", .row(of: "runs", column: "run_key", order: "key"),
            "id:uuid run_key>runs status prompt context answer created_at deadline_at closed_at options"),
        .init(
            "approvals", .row(of: "runs", column: "run_key", order: "key"),
            """
            id:uuid run_key>runs agent_key>agents call_id tool input edited_input status note decided_by decided_at
            created_at expires_at
            """),
        // Written and read by `ExportedChunk`.
        .init("event_chunks", .row(of: "runs", column: "run_key", order: "first_seq"), ""),
        .init(
            "conversation_messages", .later(of: "conversations", column: "conversation_key", order: "position"),
            "conversation_key>conversations position role content run_key>runs created_at"),
        .init(
            "invocations", .later(of: "agents", column: "agent_key", order: "idempotency_key"),
            "agent_key>agents idempotency_key digest:bytes run_key>runs created_at"),
        .init("eval_cases", "id:uuid agent_key>agents name input:json assertions:json created_at"),
        .init(
            "eval_runs", .row(of: "eval_cases", column: "case_key", order: "key"),
            """
            id:uuid case_key>eval_cases agent_key>agents run_key>runs status results:json error_message created_at
            completed_at agent_version suite_id:uuid
            """),
        .init("budgets", .whole(order: "agent_key"), "agent_key>agents? daily_limit created_at updated_at"),
        .init(
            "retention_settings", .whole(order: "workspace_key"),
            "event_days run_days conversation_days runs_gone_until updated_at"),
        .init(
            "report_schedules", .whole(order: "workspace_key"),
            "frequency day_of_week minute timezone email next_run_at updated_at"),
        .init(
            "alert_rules",
            """
            id:uuid agent_key>agents name condition_type condition_config:json channels:json notification_config:json
            active breached_at last_triggered_at created_at
            """),
        .init(
            "reports",
            """
            id:uuid agent_key>agents run_key>runs type status summary content error_message period_start period_end
            created_at
            """),
        .init("notifications", "id:uuid type title body agent_key>agents run_key>runs read_at created_at"),
        .init(
            "audit_log",
            """
            id:uuid operation actor_kind key_key>api_keys user_key>users.email object_type object_id parameters:json
            before_state:json after_state:json created_at
            """),
    ]

    static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}
