import AgentOSCore

extension HostedRunStore {
    /// A run that was taken over; its journal says how to go on.
    public struct Claimed: Sendable {
        public let lease: RunLease
        public let conversation: ConversationID?
        public let startedAt: Timestamp
        /// A process was executing it when it died; else it comes out of a pause.
        public let wasInterrupted: Bool
    }

    /// Takes a run that nobody executes; nil when it is over, waits for a person, or another node works on it.
    public func claim(_ run: Int64, node: Int64) async throws -> Claimed? {
        let now = clock.now()
        let taken = try await committer.write { connection -> (RunLease, Bool)? in
            let before = try connection.row("SELECT node_key FROM runs WHERE key = $1", [.int(run)]) { $0.int(0) }
            return try connection.row(
                """
                UPDATE runs SET fence = fence + 1, node_key = $2 WHERE key = $1 AND hosted = 1 AND status = 'running'
                  AND (node_key IS NULL OR node_key NOT IN (SELECT key FROM nodes WHERE lease_until > $3))
                RETURNING key, id, workspace_key, agent_key, is_test, fence
                """, [.int(run), .int(node), .time(now)]
            ) { (RunLease(ref: try Self.decodeRef($0), fence: try $0.requiredInt(5)), (before ?? nil) != nil) }
        }
        guard let (lease, wasInterrupted) = taken else { return nil }
        return try await database.read { connection in
            let row = try connection.row(
                """
                SELECT r.started_at, v.id FROM runs r LEFT JOIN conversations v ON v.key = r.conversation_key
                WHERE r.key = $1
                """, [.int(run)]
            ) { (Timestamp(microseconds: try $0.requiredInt(0)), $0.optionalBits(1).map(ConversationID.init)) }
            guard let (startedAt, conversation) = row else { throw StoreError.damaged("a run") }
            return Claimed(
                lease: lease, conversation: conversation, startedAt: startedAt, wasInterrupted: wasInterrupted)
        }
    }

    /// Gives a claimed run back, for a later try.
    public func unclaim(_ lease: RunLease) async throws {
        try await committer.write { connection in
            try connection.run(
                "UPDATE runs SET node_key = NULL WHERE key = $1 AND fence = $2",
                [.int(lease.ref.key), .int(lease.fence)])
        }
    }

    // MARK: - Looking

    /// How a run stands, as its callers hear it.
    public struct State: Sendable {
        public let status: RunStatus
        public let conversation: ConversationID?
        public let startedAt: Timestamp
        public let durationMilliseconds: Int?
        /// JSON.
        public let output: [UInt8]?
        /// The last journal entry; nil when it cannot be read.
        public let last: JournalEntry?
        public let pause: RunMachine.Pause?
    }

    /// - Throws: NOT_FOUND
    public func state(_ ref: RunRef) async throws -> State {
        let state = try await database.read { connection -> State? in
            let row = try connection.row(
                """
                SELECT r.status, v.id, r.started_at, r.duration_ms, r.output FROM runs r
                LEFT JOIN conversations v ON v.key = r.conversation_key WHERE r.key = $1
                """, [.int(ref.key)]
            ) { row in
                (
                    RunStatus(rawValue: try row.requiredText(0)) ?? .failed,
                    row.optionalBits(1).map(ConversationID.init),
                    Timestamp(microseconds: try row.requiredInt(2)), row.int(3).map(Int.init), row.bytes(4)
                )
            }
            guard let row else { return nil }
            let isPaused = row.0 == .awaitingApproval || row.0 == .awaitingInput
            let pause = isPaused ? Self.pause(of: ref.key, connection) : nil
            let last = try connection.row(
                "SELECT kind, payload FROM run_steps WHERE run_key = $1 ORDER BY position DESC LIMIT 1", [.int(ref.key)]
            ) { try? JournalCodec.decode(kind: try $0.requiredText(0), $0.bytes(1) ?? []) }
            return State(
                status: row.0, conversation: row.1, startedAt: row.2, durationMilliseconds: row.3, output: row.4,
                last: last ?? nil, pause: pause)
        }
        guard let state else { throw AgentOSError.notFound("run") }
        return state
    }

    /// What a run waits for by its journal; nil when it waits for nothing, or its journal cannot be read.
    static func pause(of run: Int64, _ connection: any SQLConnection) -> RunMachine.Pause? {
        guard let machine = try? RunMachine(journal: journal(of: run, connection)),
            case .wait(let pause) = machine.next
        else { return nil }
        return pause
    }

    /// What a run began with.
    public func plan(of ref: RunRef) async throws -> RunPlan {
        let first = try await database.read { connection in
            try connection.row(
                "SELECT kind, payload FROM run_steps WHERE run_key = $1 AND position = 0", [.int(ref.key)]
            ) { try JournalCodec.decode(kind: try $0.requiredText(0), $0.bytes(1) ?? []) }
        }
        guard case .started(let plan)? = first else { throw StoreError.damaged("a run's journal") }
        return plan
    }

    /// What a run and the runs below it cost, as far as their models have prices.
    public func cost(of run: Int64) async throws -> Money {
        try await database.read { connection in
            Money(
                nanoUSD: try connection.int(
                    """
                    WITH RECURSIVE tree(key) AS (
                      SELECT $1 UNION SELECT r.key FROM runs r JOIN tree t ON r.parent_key = t.key)
                    SELECT COALESCE(SUM(c.span_cost), 0) FROM tree t JOIN run_counters c ON c.run_key = t.key
                    """, [.int(run)]) ?? 0)
        }
    }

    /// How many entries a run's journal has.
    public func entryCount(of ref: RunRef) async throws -> Int {
        try await database.read { connection in
            let last = try connection.int("SELECT MAX(position) FROM run_steps WHERE run_key = $1", [.int(ref.key)])
            return Int((last ?? -1) + 1)
        }
    }

    public func journal(of ref: RunRef) async throws -> [JournalEntry] {
        try await database.read { try Self.journal(of: ref.key, $0) }
    }

    static func journal(of run: Int64, _ connection: any SQLConnection) throws -> [JournalEntry] {
        try connection.rows(
            "SELECT kind, payload FROM run_steps WHERE run_key = $1 ORDER BY position", [.int(run)]
        ) { try JournalCodec.decode(kind: try $0.requiredText(0), $0.bytes(1) ?? []) }
    }

    /// The run behind a key.
    public func ref(key: Int64) async throws -> RunRef? {
        try await database.read { connection in
            try connection.row(
                "SELECT key, id, workspace_key, agent_key, is_test FROM runs WHERE key = $1", [.int(key)],
                Self.decodeRef)
        }
    }

    /// Child runs that are not over.
    public func openChildren(of run: Int64) async throws -> [RunRef] {
        try await database.read { connection in
            try connection.rows(
                """
                SELECT key, id, workspace_key, agent_key, is_test FROM runs
                WHERE parent_key = $1 AND hosted = 1 AND completed_at IS NULL
                """, [.int(run)], Self.decodeRef)
        }
    }

    // MARK: - Ending what nobody executes

    /// Ends a run that nobody executes here: one that waits for a person, or for being taken up again. Whoever had it
    /// loses it.
    /// - Returns: the first event's sequence number; nil when the run had ended in the same way.
    /// - Throws: CONFLICT when it had ended in another way.
    public func abandon(
        _ ref: RunRef, outcome: RunOutcome, events: OwnEvents, open: Reservation?
    ) async throws -> Int64? {
        let now = clock.now()
        return try await committer.write(cost: events.cost, aborted: { [log] in log.forget(run: ref.key) }) {
            [log, runs] connection -> Int64? in
            let isOver = try connection.int(
                "SELECT completed_at IS NOT NULL FROM runs WHERE key = $1", [.int(ref.key)])
            // First what the run used: who hears of its end counts it.
            let first = isOver == 0 ? try log.append(own: events, toRun: ref.key, connection) : nil
            guard try runs.end(ref, Self.ending(outcome), now: now, connection) else { return nil }
            if let open { try Self.settle([(open, .zero)], of: ref, connection) }
            try Self.append(.ended(outcome), to: ref.key, now: now, connection)
            try ApprovalStore.cancelPending(ofRun: ref.key, now: now, connection)
            try HumanInputStore.cancelPending(ofRun: ref.key, now: now, connection)
            try ConversationStore.release(run: ref.key, turn: nil, now: now, connection)
            return first
        }
    }

    /// Appends an entry to a journal that nobody else is writing to.
    static func append(
        _ entry: JournalEntry, to run: Int64, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let position = try connection.int(
            "SELECT COALESCE(MAX(position), -1) + 1 FROM run_steps WHERE run_key = $1", [.int(run)])
        try appendSteps([entry], [JournalCodec.encode(entry)], at: Int(position ?? 0), run: run, now: now, connection)
    }

    /// Lets a paused run go on: the caller has put the last thing it waited for on record.
    static func release(_ run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.run("UPDATE runs SET status = 'running', node_key = NULL WHERE key = $1", [.int(run)])
        try enqueueResume(run, now: now, connection)
    }
}
