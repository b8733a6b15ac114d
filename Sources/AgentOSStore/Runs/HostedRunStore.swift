import AgentOSCore

/// Runs that this server executes: begun, advanced, paused and ended, each with its journal entries, its events and its
/// effects on conversation, budget and queue in one transaction.
public final class HostedRunStore: Sendable {
    /// The kinds of jobs that hosted runs need.
    public static let resumeJob = "run.resume"
    public static let approvalExpiryJob = "approval.expire"
    public static let questionExpiryJob = "question.expire"

    public let database: any Database
    let committer: GroupCommit
    let clock: WallClock
    let log: EventLog
    let runs: RunStore
    public let queue: JobQueue

    public init(
        database: any Database, committer: GroupCommit, clock: WallClock, log: EventLog, runs: RunStore, queue: JobQueue
    ) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.log = log
        self.runs = runs
        self.queue = queue
    }

    // MARK: - Beginning

    /// Begins a run: its row, the first journal entries and events, the claim on its conversation, the lease, the money
    /// for the first model call.
    /// - Throws: CONFLICT when another run of the conversation is not over, or the key was used with another body;
    ///   VALIDATION_ERROR when the conversation is with another user than the one that was given; PAYMENT_REQUIRED when
    ///   a budget is used up; `ConversationStore.Outdated` when the conversation is not as it was read any more.
    public func begin(_ beginning: Beginning, node: Int64) async throws -> Begun {
        let payloads = beginning.entries.map(JournalCodec.encode)
        let cost = beginning.run.input.count + payloads.reduce(beginning.events.cost) { $0 + $1.count } + 1024
        let begun = try await committer.write(cost: cost) { [log, runs] connection -> Begun in
            var new = beginning.run
            var knownMessages = 0
            var givenUser: String?
            if let invocation = beginning.invocation,
                let known = try Self.known(invocation, agent: new.agentKey, connection)
            {
                return .known(known)
            }
            switch beginning.session {
            case .none: break
            case .start(let user):
                new.conversationKey = try ConversationStore.insert(
                    id: beginning.conversation ?? .new(at: new.startedAt), workspace: new.workspaceKey,
                    agent: new.agentKey, externalUserID: user, now: new.startedAt, connection)
            case .resume(let conversation, let user):
                new.conversationKey = conversation.key
                knownMessages = conversation.messageCount
                givenUser = user
            }
            if let external = beginning.invocation?.externalRunID {
                let taken = try connection.int(
                    "SELECT 1 FROM runs WHERE agent_key = $1 AND external_run_id = $2",
                    [.int(new.agentKey), .text(external)])
                if taken == nil { new.externalRunID = external }
            }
            let ref = try runs.insert(new, connection)
            let key = ref.key
            if let conversation = new.conversationKey {
                try ConversationStore.claim(
                    conversation, holding: knownMessages, externalUserID: givenUser, run: key, connection)
            }
            try connection.run(
                "UPDATE runs SET fence = 1, node_key = $2, origin_key = $3, origin_step = $4 WHERE key = $1",
                [
                    .int(key), .int(node), .optional(beginning.origin?.key),
                    .optional(beginning.origin.map { Int64($0.step) }),
                ])
            if let invocation = beginning.invocation {
                try connection.run(
                    """
                    INSERT INTO invocations (agent_key, idempotency_key, digest, run_key, created_at)
                    VALUES ($1, $2, $3, $4, $5)
                    """,
                    [
                        .int(new.agentKey), .text(invocation.key), .blob(invocation.digest), .int(key),
                        .time(new.startedAt),
                    ])
            }
            var (entries, bytes) = (beginning.entries, payloads)
            try Self.reserve(beginning.estimate, for: ref, &entries, &bytes, connection)
            try Self.appendSteps(entries, bytes, at: 0, run: key, now: new.startedAt, connection)
            _ = try log.append(own: beginning.events, toRun: key, connection)
            var reservation: Reservation?
            if case .modelCalled(let call)? = entries.last { reservation = call.reservation }
            return .new(RunLease(ref: ref, fence: 1), reservation: reservation)
        }
        switch begun {
        case .new(let lease, _): runs.remember(lease.ref)
        case .known(let ref): runs.remember(ref)
        }
        return begun
    }

    /// The run that an invoke with this key began.
    /// - Throws: CONFLICT when its body was another one.
    public func known(_ invocation: Invocation, agent: Int64) async throws -> RunRef? {
        try await database.read { try Self.known(invocation, agent: agent, $0) }
    }

    private static func known(
        _ invocation: Invocation, agent: Int64, _ connection: any SQLConnection
    ) throws -> RunRef? {
        try connection.row(
            """
            SELECT r.key, r.id, r.workspace_key, r.agent_key, r.is_test, i.digest FROM invocations i
            JOIN runs r ON r.key = i.run_key WHERE i.agent_key = $1 AND i.idempotency_key = $2
            """, [.int(agent), .text(invocation.key)]
        ) { row in
            guard row.bytes(5) == invocation.digest else {
                throw AgentOSError(.conflict, "This Idempotency-Key was used with another request body.")
            }
            return try decodeRef(row)
        }
    }

    static func decodeRef(_ row: any SQLRow) throws -> RunRef {
        RunRef(
            key: try row.requiredInt(0), id: RunID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
            agentKey: try row.requiredInt(3), hosted: true, isTest: row.int(4) == 1)
    }

    // MARK: - Going on

    /// Records what happened since the last call.
    /// - Parameter position: the journal position of the first entry.
    /// - Returns: the entries as they are stored (a reservation may be smaller than its estimate), and the first event's
    ///   sequence number.
    /// - Throws: CONFLICT when the run has ended meanwhile or the lease is lost; PAYMENT_REQUIRED when a budget does not
    ///   allow the model call that the last entry announces; nothing is stored then.
    @discardableResult
    public func advance(
        _ lease: RunLease, at position: Int, _ advance: Advance
    ) async throws -> (entries: [JournalEntry], firstEvent: Int64) {
        let ref = lease.ref
        let payloads = advance.entries.map(JournalCodec.encode)
        let now = clock.now()
        let cost = payloads.reduce(advance.events?.cost ?? 256) { $0 + $1.count }
        let result = try await committer.write(cost: cost, aborted: { [log] in log.forget(run: ref.key) }) {
            [log, runs] connection in
            try Self.check(lease, connection)
            try Self.settle(advance.settlements, of: ref, connection)
            var (entries, bytes) = (advance.entries, payloads)
            try Self.reserve(advance.estimate, for: ref, &entries, &bytes, connection)
            try Self.appendSteps(entries, bytes, at: position, run: ref.key, now: now, connection)
            if let pause = advance.pause { try Self.pause(ref, pause, entries, runs, now: now, connection) }
            return (entries, try advance.events.map { try log.append(own: $0, toRun: ref.key, connection) } ?? 0)
        }
        return result
    }

    /// Sets money aside and writes down in the announcing entry how much it was.
    private static func reserve(
        _ estimate: Reservation?, for ref: RunRef, _ entries: inout [JournalEntry], _ payloads: inout [[UInt8]],
        _ connection: any SQLConnection
    ) throws {
        guard let estimate, let last = entries.indices.last, case .modelCalled(var call) = entries[last] else { return }
        let amount = try BudgetStore.reserve(
            workspace: ref.workspaceKey, agent: ref.agentKey, day: estimate.day, estimate: estimate.amount, connection)
        call.reservation = Reservation(amount: amount, day: estimate.day)
        entries[last] = .modelCalled(call)
        payloads[last] = JournalCodec.encode(entries[last])
    }

    static func settle(
        _ settlements: [(reservation: Reservation, spent: Money)], of ref: RunRef, _ connection: any SQLConnection
    ) throws {
        for (reservation, spent) in settlements {
            try BudgetStore.settle(
                workspace: ref.workspaceKey, agent: ref.agentKey, day: reservation.day, reserved: reservation.amount,
                spent: spent, connection)
        }
    }

    private static func check(_ lease: RunLease, _ connection: any SQLConnection) throws {
        let held = try connection.int(
            "SELECT 1 FROM runs WHERE key = $1 AND fence = $2 AND completed_at IS NULL",
            [.int(lease.ref.key), .int(lease.fence)])
        guard held != nil else { throw AgentOSError(.conflict, "The run has already ended.") }
    }

    /// Gives the run back: nobody executes it until a person has spoken.
    private static func pause(
        _ ref: RunRef, _ pause: RunMachine.Pause, _ entries: [JournalEntry], _ runs: RunStore, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        try connection.run(
            "UPDATE runs SET status = $2, node_key = NULL WHERE key = $1",
            [.int(ref.key), .text(pause.status.rawValue)])
        for entry in entries {
            switch entry {
            case .approvalsRequested(let requests):
                for request in requests {
                    try ApprovalStore.insert(request, ref, now: now, connection)
                    try runs.tell(.approvalRequested(request), ref, at: now, connection)
                }
            case .inputRequested(let request):
                try HumanInputStore.insert(request, run: ref.key, now: now, connection)
                try runs.tell(
                    .inputRequested(id: request.id, question: request.question), ref, at: now, connection)
            default: continue
            }
        }
    }

    // MARK: - Ending

    /// Records the last entries and ends the run; a completed run adds its turn to its conversation.
    /// - Throws: CONFLICT when the run has ended meanwhile or the lease is lost.
    @discardableResult
    public func end(
        _ lease: RunLease, at position: Int, _ advance: Advance, events: OwnEvents, outcome: RunOutcome, turn: Turn?,
        now: Timestamp
    ) async throws -> Int64 {
        let ref = lease.ref
        let payloads = advance.entries.map(JournalCodec.encode)
        let cost = payloads.reduce(events.cost + 512) { $0 + $1.count }
        return try await committer.write(cost: cost, aborted: { [log] in log.forget(run: ref.key) }) {
            [log, runs] connection in
            try Self.check(lease, connection)
            try Self.settle(advance.settlements, of: ref, connection)
            // First what the run used: who hears of its end counts it.
            let first = try log.append(own: events, toRun: ref.key, connection)
            guard try runs.end(ref, Self.ending(outcome), now: now, connection) else {
                throw AgentOSError(.conflict, "The run has already ended.")
            }
            try Self.appendSteps(advance.entries, payloads, at: position, run: ref.key, now: now, connection)
            try ConversationStore.release(run: ref.key, turn: turn, now: now, connection)
            return first
        }
    }

    static func ending(_ outcome: RunOutcome) -> RunEnding {
        switch outcome {
        case .completed(let output): .completed(output: output.encoded, usage: GivenUsage())
        case .failed(_, let message, let detail): .failed(message: message, detail: detail?.encoded)
        case .cancelled(let reason): .cancelled(reason: reason)
        }
    }

    static func appendSteps(
        _ entries: [JournalEntry], _ payloads: [[UInt8]], at position: Int, run: Int64, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        for (offset, entry) in entries.enumerated() {
            do {
                try connection.run(
                    "INSERT INTO run_steps (run_key, position, kind, payload, created_at) VALUES ($1, $2, $3, $4, $5)",
                    [
                        .int(run), .int(Int64(position + offset)), .text(entry.kind), .utf8(payloads[offset]),
                        .time(now),
                    ])
            } catch StoreError.duplicate {
                throw AgentOSError(.conflict, "Another process is executing this run.")
            }
        }
    }

    /// Has the run taken up again, in this transaction.
    static func enqueueResume(_ run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        try JobQueue.enqueue(
            resumeJob, name: String(run), at: now, payload: ["run": .int(Int(run))], now: now, connection)
    }
}
