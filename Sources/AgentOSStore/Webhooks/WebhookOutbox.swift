import AgentOSCore

/// Writes down, in the transaction of a run's change, who is to be told of it. Costs one lookup where nobody is.
struct WebhookOutbox: RunChangeListener {
    func changed(_ change: RunChange, _ connection: any SQLConnection) throws {
        guard !change.run.isTest, let event = Self.event(change.kind) else { return }
        let hooks = try Self.receivers(of: event, change.run.workspaceKey, change.run.agentKey, connection)
        guard !hooks.isEmpty else { return }
        let data = try Self.data(change, connection)
        try Self.tell(
            hooks, event, data, workspace: change.run.workspaceKey, agent: change.run.agentKey, run: change.run.key,
            now: change.at, connection)
    }

    /// Tells the receivers of an agent or of its workspace of something else.
    static func tell(
        event: String, _ data: JSONValue, workspace: Int64, agent: Int64?, run: Int64?, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        let hooks = try receivers(of: event, workspace, agent, connection)
        guard !hooks.isEmpty else { return }
        try tell(hooks, event, data.encoded, workspace: workspace, agent: agent, run: run, now: now, connection)
    }

    private static func event(_ kind: RunChange.Kind) -> String? {
        switch kind {
        case .started: "run.started"
        case .ended(.completed): "run.completed"
        case .ended(.failed): "run.failed"
        case .approvalRequested: "approval.requested"
        case .ended, .inputRequested: nil
        }
    }

    private static func receivers(
        of event: String, _ workspace: Int64, _ agent: Int64?, _ connection: any SQLConnection
    ) throws -> [Int64] {
        try connection.rows(
            "SELECT key, agent_key, events FROM webhooks WHERE workspace_key = $1 AND enabled = 1", [.int(workspace)]
        ) { row -> Int64? in
            if let only = row.int(1), only != agent { return nil }
            guard row.text(2)?.contains("\"\(event)\"") == true else { return nil }
            return try row.requiredInt(0)
        }.compactMap { $0 }
    }

    private static func tell(
        _ hooks: [Int64], _ event: String, _ data: [UInt8], workspace: Int64, agent: Int64?, run: Int64?,
        now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let place = try connection.row("SELECT id FROM workspaces WHERE key = $1", [.int(workspace)]) { try $0.bits(0) }
        let of = try agent.flatMap { agent in
            try connection.row("SELECT id FROM agents WHERE key = $1", [.int(agent)]) { try $0.bits(0) }
        }
        var out = JSONWriter(capacity: data.count + 256)
        out.raw("{\"event\":")
        out.string(event)
        out.raw(",\"timestamp\":")
        out.string(now.iso8601)
        out.raw(",\"workspace_id\":")
        out.value(.optional(place?.text))
        out.raw(",\"agent_id\":")
        out.value(.optional(of?.text))
        out.raw(",\"data\":")
        out.raw(data)
        out.raw("}")
        for hook in hooks {
            try DeliveryStore.insert(
                hook: hook, rule: nil, event: event, body: out.bytes, workspace: workspace, agent: agent, run: run,
                now: now, connection)
        }
    }

    private static func data(_ change: RunChange, _ connection: any SQLConnection) throws -> [UInt8] {
        var out = JSONWriter(capacity: 512)
        out.raw("{\"run_id\":")
        out.id(change.run.id.bits)
        try connection.each(
            """
            SELECT trigger_type, started_at, completed_at, duration_ms, error_message, output FROM runs WHERE key = $1
            """, [.int(change.run.key)]
        ) { row in
            switch change.kind {
            case .started, .ended(.completed):
                out.raw(",\"trigger_type\":")
                out.value(.optional(row.text(0)))
                out.raw(",\"started_at\":")
                out.value(.time(row.time(1)))
                guard case .ended = change.kind else { return false }
                out.raw(",\"completed_at\":")
                out.value(.time(row.time(2)))
                out.raw(",\"duration_ms\":")
                out.value(.optionalInt(row.int(3).map(Int.init)))
                out.raw(",\"output\":")
                out.raw(row.bytes(5) ?? Array("null".utf8))
            case .ended:
                out.raw(",\"error_message\":")
                out.value(.optional(row.text(4)))
                out.raw(",\"started_at\":")
                out.value(.time(row.time(1)))
                out.raw(",\"failed_at\":")
                out.value(.time(row.time(2)))
            case .approvalRequested(let request):
                out.raw(",\"approval_id\":")
                out.id(request.id.bits)
                out.raw(",\"tool\":")
                out.string(request.tool)
                out.raw(",\"input\":")
                out.value(request.input)
                out.raw(",\"expires_at\":")
                out.value(.time(request.expiresAt))
            case .inputRequested: break
            }
            return false
        }
        out.raw("}")
        return out.bytes
    }
}
