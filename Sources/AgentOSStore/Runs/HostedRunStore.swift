import AgentOSCore

/// Runs that this server executes: begun, advanced and ended, each with its journal entries, its events and its effects
/// on the conversation in one transaction.
public final class HostedRunStore: Sendable {
    /// Which conversation a new run takes part in.
    public enum Session: Sendable {
        case none
        case start(externalUserID: String?)
        case resume(ConversationRef)
    }

    /// A turn that a completed run adds to its conversation.
    public struct Turn: Sendable {
        public let user: String
        public let assistant: String

        public init(user: String, assistant: String) {
            self.user = user
            self.assistant = assistant
        }
    }

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let log: EventLog
    private let runs: RunStore

    public init(database: any Database, committer: GroupCommit, clock: WallClock, log: EventLog, runs: RunStore) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.log = log
        self.runs = runs
    }

    /// Begins a run: its row, the first journal entries and events, and the claim on its conversation.
    /// - Throws: CONFLICT when another run of the conversation is not over.
    public func begin(
        _ new: RunStore.NewRun, session: Session, conversationID: ConversationID?, entries: [JournalEntry],
        events: OwnEvents
    ) async throws -> RunRef {
        let payloads = entries.map(JournalCodec.encode)
        let cost = new.input.count + payloads.reduce(events.cost) { $0 + $1.count } + 1024
        let ref = try await committer.write(cost: cost) { [log] connection -> RunRef in
            var new = new
            switch session {
            case .none: break
            case .start(let user):
                new.conversationKey = try ConversationStore.insert(
                    id: conversationID ?? .new(at: new.startedAt), workspace: new.workspaceKey, agent: new.agentKey,
                    externalUserID: user, now: new.startedAt, connection)
            case .resume(let conversation): new.conversationKey = conversation.key
            }
            let key = try RunStore.insert(new, connection)
            if let conversation = new.conversationKey {
                try ConversationStore.claim(conversation, run: key, connection)
            }
            let ref = RunRef(
                key: key, id: new.id, workspaceKey: new.workspaceKey, agentKey: new.agentKey, hosted: true,
                isTest: new.isTest)
            try Self.appendSteps(entries, payloads, at: 0, run: key, now: new.startedAt, connection)
            _ = try log.append(own: events, toRun: key, connection)
            return ref
        }
        runs.remember(ref)
        return ref
    }

    /// Records what happened since the last call.
    /// - Parameter position: the journal position of the first entry.
    /// - Throws: CONFLICT when the run has ended meanwhile, or somebody else advanced it.
    @discardableResult
    public func advance(
        _ ref: RunRef, at position: Int, entries: [JournalEntry], events: OwnEvents?
    ) async throws -> Int64 {
        let payloads = entries.map(JournalCodec.encode)
        let now = clock.now()
        let cost = payloads.reduce(events?.cost ?? 256) { $0 + $1.count }
        return try await committer.write(cost: cost, aborted: { [log] in log.forget(run: ref.key) }) { [log] connection in
            try Self.checkRunning(ref, connection)
            try Self.appendSteps(entries, payloads, at: position, run: ref.key, now: now, connection)
            return try events.map { try log.append(own: $0, toRun: ref.key, connection) } ?? 0
        }
    }

    /// Records the last entries and ends the run; a completed run adds its turn to its conversation.
    /// - Throws: CONFLICT when the run has ended meanwhile.
    @discardableResult
    public func end(
        _ ref: RunRef, at position: Int, entries: [JournalEntry], events: OwnEvents, outcome: RunOutcome, turn: Turn?
    ) async throws -> Int64 {
        let payloads = entries.map(JournalCodec.encode)
        let now = clock.now()
        let ending = Self.ending(outcome)
        let cost = payloads.reduce(events.cost + 512) { $0 + $1.count }
        return try await committer.write(cost: cost, aborted: { [log] in log.forget(run: ref.key) }) { [log] connection in
            guard try RunStore.end(ref, ending, now: now, connection) else {
                throw AgentOSError(.conflict, "The run has already ended.")
            }
            try Self.appendSteps(entries, payloads, at: position, run: ref.key, now: now, connection)
            try ConversationStore.release(run: ref.key, turn: turn, now: now, connection)
            return try log.append(own: events, toRun: ref.key, connection)
        }
    }

    /// Ends a run that nobody executes here any more.
    public func abandon(_ ref: RunRef, outcome: RunOutcome, events: OwnEvents) async throws {
        let now = clock.now()
        let ending = Self.ending(outcome)
        try await committer.write(cost: events.cost, aborted: { [log] in log.forget(run: ref.key) }) { [log] connection in
            guard try RunStore.end(ref, ending, now: now, connection) else { return }
            let position = try connection.int(
                "SELECT COALESCE(MAX(position), -1) + 1 FROM run_steps WHERE run_key = $1", [.int(ref.key)])
            let entry = JournalEntry.ended(outcome)
            try Self.appendSteps(
                [entry], [JournalCodec.encode(entry)], at: Int(position ?? 0), run: ref.key, now: now, connection)
            try ConversationStore.release(run: ref.key, turn: nil, now: now, connection)
            _ = try log.append(own: events, toRun: ref.key, connection)
        }
    }

    private static func ending(_ outcome: RunOutcome) -> RunEnding {
        switch outcome {
        case .completed(let output): .completed(output: output.encoded, usage: GivenUsage())
        case .failed(_, let message, let detail): .failed(message: message, detail: detail?.encoded)
        case .cancelled(let reason): .cancelled(reason: reason)
        }
    }

    private static func checkRunning(_ ref: RunRef, _ connection: any SQLConnection) throws {
        let open = try connection.int("SELECT 1 FROM runs WHERE key = $1 AND completed_at IS NULL", [.int(ref.key)])
        guard open != nil else { throw AgentOSError(.conflict, "The run has already ended.") }
    }

    private static func appendSteps(
        _ entries: [JournalEntry], _ payloads: [[UInt8]], at position: Int, run: Int64, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        for (offset, entry) in entries.enumerated() {
            do {
                try connection.run(
                    "INSERT INTO run_steps (run_key, position, kind, payload, created_at) VALUES ($1, $2, $3, $4, $5)",
                    [
                        .int(run), .int(Int64(position + offset)), .text(entry.kind), .utf8(payloads[offset]), .time(now),
                    ])
            } catch StoreError.duplicate {
                throw AgentOSError(.conflict, "Another process is executing this run.")
            }
        }
    }

    // MARK: - Reading

    public func journal(of ref: RunRef) async throws -> [JournalEntry] {
        try await database.read { connection in
            try connection.rows(
                "SELECT kind, payload FROM run_steps WHERE run_key = $1 ORDER BY position", [.int(ref.key)]
            ) { try JournalCodec.decode(kind: try $0.requiredText(0), $0.bytes(1) ?? []) }
        }
    }

    /// Hosted runs that have not ended, oldest first.
    public func unfinished(limit: Int) async throws -> [(ref: RunRef, startedAt: Timestamp, agentName: String)] {
        try await database.read { connection in
            try connection.rows(
                """
                SELECT r.key, r.id, r.workspace_key, r.agent_key, r.is_test, r.started_at, a.name FROM runs r
                JOIN agents a ON a.key = r.agent_key
                WHERE r.completed_at IS NULL AND r.hosted = 1 ORDER BY r.key LIMIT $1
                """, [.int(Int64(limit))]
            ) { row in
                (
                    RunRef(
                        key: try row.requiredInt(0), id: RunID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
                        agentKey: try row.requiredInt(3), hosted: true, isTest: row.int(4) == 1),
                    Timestamp(microseconds: try row.requiredInt(5)), try row.requiredText(6)
                )
            }
        }
    }
}
