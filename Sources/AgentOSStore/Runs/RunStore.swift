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

    let database: any Database
    private let committer: GroupCommit
    let clock: WallClock
    private let prices: PriceBook
    private let listeners: [any RunChangeListener]
    private struct Memory {
        var runs: [RunID: RunRef] = [:]
        /// Grows whenever runs are forgotten: what was read before that is not remembered after it.
        var generation = 0
    }

    private let memory = Mutex(Memory())

    /// - Parameters:
    ///   - prices: puts a cost on counts given at a run's end.
    ///   - listeners: told of every run's beginning, end and pauses, inside the transaction.
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
        let (known, generation) = memory.withLock { ($0.runs[id], $0.generation) }
        if let known {
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
        remember(found, readIn: generation)
        return found
    }

    /// - Parameter generation: of the memory when the run was read; nil for one that was just made.
    func remember(_ ref: RunRef, readIn generation: Int? = nil) {
        memory.withLock { memory in
            guard generation == nil || generation == memory.generation else { return }
            if memory.runs.count >= Self.rememberedBound { memory.runs.removeAll(keepingCapacity: true) }
            memory.runs[ref.id] = ref
        }
    }

    /// Forgets the runs of an agent that was deleted.
    public func forget(agent: Int64) {
        memory.withLock { memory in
            memory.generation += 1
            memory.runs = memory.runs.filter { $0.value.agentKey != agent }
        }
    }

    /// Forgets all, since some were removed.
    func forgetAll() {
        memory.withLock { memory in
            memory.generation += 1
            memory.runs.removeAll(keepingCapacity: true)
        }
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
}
