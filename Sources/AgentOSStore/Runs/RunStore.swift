import AgentOSCore
import Synchronization

/// Runs: started, found, listed, ended. Events are the log's affair, the steps of hosted runs the journal's.
public final class RunStore: Sendable {
    /// A new run's row.
    public struct NewRun: Sendable {
        public var id: RunID
        public var workspaceKey: Int64
        public var agentKey: Int64
        public var trigger: TriggerType
        public var hosted: Bool
        public var isTest: Bool
        public var externalRunID: String?
        public var parentKey: Int64?
        public var conversationKey: Int64?
        public var input: [UInt8]
        public var startedAt: Timestamp
        /// Of its agent's configuration; nil: the newest.
        public var agentVersion: Int?

        public init(
            id: RunID, workspaceKey: Int64, agentKey: Int64, trigger: TriggerType, hosted: Bool, isTest: Bool = false,
            externalRunID: String? = nil, parentKey: Int64? = nil, conversationKey: Int64? = nil, input: [UInt8],
            startedAt: Timestamp
        ) {
            self.id = id
            self.workspaceKey = workspaceKey
            self.agentKey = agentKey
            self.trigger = trigger
            self.hosted = hosted
            self.isTest = isTest
            self.externalRunID = externalRunID
            self.parentKey = parentKey
            self.conversationKey = conversationKey
            self.input = input
            self.startedAt = startedAt
        }
    }

    private static let rememberedBound = 20_000
    /// Fewer chunks are not worth merging.
    static let mergeThreshold = 8

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let prices: PriceBook
    private let listeners: [any RunChangeListener]
    private let remembered = Mutex<[RunID: RunRef]>([:])

    /// - Parameter listeners: told of every run's beginning, end and pauses, inside the transaction.
    /// - Parameters:
    ///   - prices: puts a cost on counts given at a run's end.
    ///   - listeners: hear of changes inside their transactions.
    public init(
        database: any Database, committer: GroupCommit, clock: WallClock, prices: PriceBook = .builtIn,
        listeners: [any RunChangeListener] = []
    ) {
        self.prices = prices
        self.listeners = listeners
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    // MARK: - Finding

    /// - Throws: NOT_FOUND when the workspace has no such run.
    public func ref(_ id: RunID, workspace: Int64) async throws -> RunRef {
        if let known = remembered.withLock({ $0[id] }) {
            guard known.workspaceKey == workspace else { throw AgentOSError.notFound("run") }
            return known
        }
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT r.key, r.workspace_key, r.agent_key, r.hosted, r.is_test FROM runs r
                JOIN agents a ON a.key = r.agent_key WHERE r.id = $1 AND a.deleted_at IS NULL
                """, [.id(id)]
            ) { row in
                RunRef(
                    key: try row.requiredInt(0), id: id, workspaceKey: try row.requiredInt(1),
                    agentKey: try row.requiredInt(2), hosted: row.int(3) == 1, isTest: row.int(4) == 1)
            }
        }
        guard let found, found.workspaceKey == workspace else { throw AgentOSError.notFound("run") }
        remember(found)
        return found
    }

    func remember(_ ref: RunRef) {
        remembered.withLock { known in
            if known.count >= Self.rememberedBound { known.removeAll(keepingCapacity: true) }
            known[ref.id] = ref
        }
    }

    /// Forgets the runs of an agent that was deleted.
    public func forget(agent: Int64) {
        remembered.withLock { known in known = known.filter { $0.value.agentKey != agent } }
    }

    // MARK: - Starting

    /// Starts a reported run, or finds the one that was started with the same external id.
    public func start(_ run: NewRun) async throws -> RunID {
        let (id, ref) = try await committer.write(cost: run.input.count + 1024) { connection in
            if let external = run.externalRunID,
                let known = try Self.known(external, agent: run.agentKey, connection)
            {
                return (known, nil as RunRef?)
            }
            return (run.id, try self.insert(run, connection))
        }
        if let ref { remember(ref) }
        return id
    }

    /// The run of the agent that was started with this external id, whatever has become of it.
    public func known(_ externalID: String, agent: Int64) async throws -> RunID? {
        try await database.read { try Self.known(externalID, agent: agent, $0) }
    }

    private static func known(_ externalID: String, agent: Int64, _ connection: any SQLConnection) throws -> RunID? {
        try connection.row(
            "SELECT id FROM runs WHERE agent_key = $1 AND external_run_id = $2", [.int(agent), .text(externalID)]
        ) { RunID(try $0.bits(0)) }
    }

    func tell(_ kind: RunChange.Kind, _ run: RunRef, at time: Timestamp, _ connection: any SQLConnection) throws {
        for listener in listeners { try listener.changed(RunChange(kind: kind, run: run, at: time), connection) }
    }

    func insert(_ run: NewRun, _ connection: any SQLConnection) throws -> RunRef {
        let key = try connection.row(
            """
            INSERT INTO runs (id, workspace_key, agent_key, status, trigger_type, hosted, is_test, external_run_id,
              parent_key, conversation_key, started_at, input, agent_version)
            VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9, $10, $11,
              COALESCE($12, (SELECT version FROM agents WHERE key = $3))) RETURNING key
            """,
            [
                .id(run.id), .int(run.workspaceKey), .int(run.agentKey), .text(run.trigger.rawValue),
                .bool(run.hosted), .bool(run.isTest), .optional(run.externalRunID), .optional(run.parentKey),
                .optional(run.conversationKey), .time(run.startedAt), .utf8(run.input),
                .optional(run.agentVersion),
            ]
        ) { try $0.requiredInt(0) }
        guard let key else { throw StoreError.damaged("a new run") }
        try connection.run(
            """
            INSERT INTO run_counters (run_key, event_count, error_count, span_count, span_input, span_output,
              span_cache_read, span_cache_creation, response_count, response_input, response_output,
              response_cache_read, response_cache_creation, chunk_count)
            VALUES ($1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            """, [.int(key)])
        let ref = RunRef(
            key: key, id: run.id, workspaceKey: run.workspaceKey, agentKey: run.agentKey, hosted: run.hosted,
            isTest: run.isTest)
        try tell(.started(run.trigger), ref, at: run.startedAt, connection)
        return ref
    }

    // MARK: - Ending

    /// Ends a run. The first end is final: repeating it changes nothing.
    /// - Returns: whether the run was ended by this call.
    /// - Throws: CONFLICT when it was ended in another way, NOT_FOUND when it is gone.
    @discardableResult
    public func end(_ ref: RunRef, _ ending: RunEnding) async throws -> Bool {
        let now = clock.now()
        return try await committer.write(cost: 1024) { connection in
            try self.end(ref, ending, now: now, connection)
        }
    }

    /// As above, inside a transaction of the caller's.
    func end(_ ref: RunRef, _ ending: RunEnding, now: Timestamp, _ connection: any SQLConnection) throws -> Bool {
        var (output, message, detail, reason) = (nil as [UInt8]?, nil as String?, nil as [UInt8]?, nil as String?)
        var usage = GivenUsage()
        switch ending {
        case .completed(let value, let given): (output, usage) = (value, given)
        case .failed(let text, let value): (message, detail) = (text, value)
        case .cancelled(let text): reason = text
        }
        let changed = try connection.run(
            """
            UPDATE runs SET status = $2, output = $3, error_message = $4, error_detail = $5, cancel_reason = $6,
              completed_at = MAX($7, started_at), duration_ms = MAX(0, ($7 - started_at) / 1000)
            WHERE key = $1 AND completed_at IS NULL
            """,
            [
                .int(ref.key), .text(ending.status.rawValue), .optional(output), .optional(message), .optional(detail),
                .optional(reason), .time(now),
            ])
        guard changed > 0 else {
            let status = try connection.row("SELECT status FROM runs WHERE key = $1", [.int(ref.key)]) { $0.text(0) }
            guard let word = status ?? nil else { throw AgentOSError.notFound("run") }
            guard word == ending.status.rawValue else {
                throw AgentOSError(.conflict, "The run has already ended as \(word).")
            }
            return false
        }
        if !usage.isEmpty {
            try connection.run(
                """
                UPDATE run_counters SET given_input = $2, given_output = $3, given_cache_read = $4,
                  given_cache_creation = $5 WHERE run_key = $1
                """,
                [
                    .int(ref.key), .optional(usage.input), .optional(usage.output), .optional(usage.cacheRead),
                    .optional(usage.cacheCreation),
                ])
            try RunFigures.priceGiven(ref.key, by: prices, at: now, connection)
        }
        try connection.run(
            """
            INSERT INTO merge_queue (run_key, due_at)
            SELECT run_key, $2 FROM run_counters WHERE run_key = $1 AND chunk_count >= \(Self.mergeThreshold)
            ON CONFLICT (run_key) DO NOTHING
            """, [.int(ref.key), .time(now)])
        try tell(.ended(ending.status), ref, at: now, connection)
        return true
    }

    // MARK: - Reading

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
