import AgentOSCore

/// How runs are read: a page of them, one, one with all that belongs to it.
extension RunStore {
    private static let summaryColumns = """
        r.key, r.id, a.id, a.name, r.status, r.trigger_type, r.external_run_id, p.id, v.id, r.is_test, r.hosted,
        r.started_at, r.completed_at, r.duration_ms, r.error_message, c.event_count,
        c.span_count, c.span_input, c.span_output, c.span_cache_read, c.span_cache_creation,
        c.response_count, c.response_input, c.response_output, c.response_cache_read, c.response_cache_creation,
        c.given_input, c.given_output, c.given_cache_read, c.given_cache_creation,
        c.span_cost, c.span_priced, c.response_cost, c.response_priced, r.agent_version, c.given_cost
        """

    private static let summaryTables = """
        runs r JOIN agents a ON a.key = r.agent_key LEFT JOIN runs p ON p.key = r.parent_key
        LEFT JOIN conversations v ON v.key = r.conversation_key LEFT JOIN run_counters c ON c.run_key = r.key
        """

    private static func decodeSummary(_ row: any SQLRow) throws -> RunSummary {
        func count(_ column: Int) -> Int { Int(row.int(column) ?? 0) }
        func usage(_ first: Int) -> TokenUsage {
            TokenUsage(
                input: count(first), output: count(first + 1), cacheRead: count(first + 2),
                cacheCreation: count(first + 3))
        }
        var sums = TokenSums()
        sums.spanCount = count(16)
        sums.spans = usage(17)
        sums.responseCount = count(21)
        sums.responses = usage(22)
        sums.given = GivenUsage(
            input: row.int(26).map(Int.init), output: row.int(27).map(Int.init), cacheRead: row.int(28).map(Int.init),
            cacheCreation: row.int(29).map(Int.init))
        sums.spanCost = Money(nanoUSD: row.int(30) ?? 0)
        sums.spanPriced = count(31)
        sums.responseCost = Money(nanoUSD: row.int(32) ?? 0)
        sums.responsePriced = count(33)
        sums.givenCost = row.int(35).map { Money(nanoUSD: $0) }
        return RunSummary(
            key: try row.requiredInt(0), id: RunID(try row.bits(1)), agentID: AgentID(try row.bits(2)),
            agentName: try row.requiredText(3), status: RunStatus(rawValue: try row.requiredText(4)) ?? .failed,
            triggerType: TriggerType(rawValue: try row.requiredText(5)) ?? .sdk, externalRunID: row.text(6),
            parentRunID: row.optionalBits(7).map(RunID.init),
            conversationID: row.optionalBits(8).map(ConversationID.init),
            isTest: row.int(9) == 1, hosted: row.int(10) == 1,
            startedAt: Timestamp(microseconds: try row.requiredInt(11)), completedAt: row.time(12),
            durationMilliseconds: row.int(13).map(Int.init), errorMessage: row.text(14), tokens: sums.effective,
            cost: sums.effectiveCost, unpricedCalls: sums.unpricedCount, eventCount: row.int(15) ?? 0,
            agentVersion: row.int(34).map(Int.init))
    }

    /// Newest first. `running` also finds runs that wait for somebody.
    public func list(
        workspace: Int64, _ filter: RunFilter, _ page: PageRequest = PageRequest(limit: 20)
    ) async throws -> Page<RunSummary> {
        // The index that fits goes by the shape of the condition: of one agent, of the open ones, or of all.
        var conditions = ["r.workspace_key = $1", "a.deleted_at IS NULL"]
        var arguments: [SQLValue] = [.int(workspace)]
        func add(_ condition: (String) -> String, _ value: SQLValue) {
            arguments.append(value)
            conditions.append(condition("$\(arguments.count)"))
        }
        if let agent = filter.agentKey { add({ "r.agent_key = \($0)" }, .int(agent)) }
        switch filter.status {
        case nil: break
        case .running?: conditions.append("r.completed_at IS NULL")
        case let status?:
            add({ "r.status = \($0)" }, .text(status.rawValue))
            // Said as a literal, which lets the partial index be used.
            if status == .failed || status == .cancelled { conditions.append("r.status IN ('failed', 'cancelled')") }
        }
        add({ "r.key < \($0)" }, .int(try page.key(start: .max)))
        let sql = """
            SELECT \(Self.summaryColumns) FROM \(Self.summaryTables)
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY r.key DESC LIMIT $\(arguments.count + 1)
            """
        let bound = arguments
        return try await database.read { connection in
            try connection.page(page, sql, bound) { row in
                let run = try Self.decodeSummary(row)
                return (run, ListPlace(.int(run.key)))
            }
        }
    }

    /// One run by its key; nil when it is not the workspace's, or its agent is deleted.
    static func summary(_ key: Int64, workspace: Int64, _ connection: any SQLConnection) throws -> RunSummary? {
        try connection.row(
            """
            SELECT \(summaryColumns) FROM \(summaryTables)
            WHERE r.key = $1 AND r.workspace_key = $2 AND a.deleted_at IS NULL
            """, [.int(key), .int(workspace)], decodeSummary)
    }

    /// - Throws: NOT_FOUND when the workspace has no such run.
    public func detail(_ id: RunID, workspace: Int64) async throws -> RunDetail {
        let now = clock.now()
        let detail = try await database.read { connection -> RunDetail? in
            try connection.row(
                """
                SELECT \(Self.summaryColumns), r.input, r.output, r.error_detail, r.cancel_reason,
                  o.id, r.origin_step
                FROM \(Self.summaryTables) LEFT JOIN runs o ON o.key = r.origin_key
                WHERE r.id = $1 AND r.workspace_key = $2 AND a.deleted_at IS NULL
                """, [.id(id), .int(workspace)]
            ) { row in
                let summary = try Self.decodeSummary(row)
                return RunDetail(
                    summary: summary, input: row.bytes(36) ?? [], output: row.bytes(37), errorDetail: row.bytes(38),
                    cancelReason: row.text(39), tasks: try TaskStore.tasks(ofRun: summary.key, connection),
                    question: try Self.question(of: summary, now: now, connection),
                    approval: summary.status == .awaitingApproval
                        ? try ApprovalStore.oldestPending(ofRun: summary.key, connection) : nil,
                    origin: row.optionalBits(40).map { (RunID($0), Int(row.int(41) ?? 1)) })
            }
        }
        guard let detail else { throw AgentOSError.notFound("run") }
        return detail
    }

    private static func question(
        of run: RunSummary, now: Timestamp, _ connection: any SQLConnection
    ) throws -> PendingQuestion? {
        guard run.completedAt == nil else { return nil }
        guard run.hosted else { return try HumanInputStore.oldestOpen(ofRun: run.key, now: now, connection) }
        guard run.status == .awaitingInput else { return nil }
        return HumanInputStore.awaited(by: run.key, now: now, connection)
    }

    /// Status of a run.
    public func status(_ ref: RunRef) async throws -> RunStatus? {
        try await database.read { connection in
            try connection.row("SELECT status FROM runs WHERE key = $1", [.int(ref.key)]) {
                $0.text(0).flatMap(RunStatus.init)
            } ?? nil
        }
    }

    /// How many runs are in each state, for metrics. Reads the index of open runs only.
    public func openCount() async throws -> Int {
        try await database.read { Int(try $0.int("SELECT COUNT(*) FROM runs WHERE completed_at IS NULL") ?? 0) }
    }
}
