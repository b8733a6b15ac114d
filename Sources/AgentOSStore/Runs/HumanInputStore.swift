import AgentOSCore

/// Questions of runs to people, and their answers.
///
/// A question is open until it is answered, its run ends, or its deadline passes; the last needs no write. A reported
/// run asks what it likes, any number at once; a hosted run waits for the one that its journal says.
public final class HumanInputStore: Sendable {
    public enum State: Sendable, Hashable {
        case pending(deadline: Timestamp)
        case answered(String)
        case expired
        case cancelled
    }

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let runs: RunStore
    /// Rung when a question is answered or closed, by its id.
    public let bell = Bell<HumanRequestID>()

    public init(database: any Database, committer: GroupCommit, clock: WallClock, runs: RunStore) {
        self.runs = runs
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// Opens a question of a reported run.
    /// - Throws: CONFLICT when the run has ended, or is executed by this server.
    public func open(
        run: RunRef, prompt: String, context: [UInt8]?, timeoutSeconds: Int
    ) async throws -> HumanRequestID {
        guard !run.hosted else {
            throw AgentOSError(.conflict, "This run is executed by the server; it asks people by itself.")
        }
        let now = clock.now()
        let id = HumanRequestID.new(at: now)
        try await committer.write(cost: prompt.utf8.count + (context?.count ?? 0) + 512) { connection in
            let open = try connection.row("SELECT completed_at IS NULL FROM runs WHERE key = $1", [.int(run.key)]) {
                $0.int(0) == 1
            }
            guard let open else { throw AgentOSError.notFound("run") }
            guard open else { throw AgentOSError(.conflict, "The run has ended; nobody can be asked any more.") }
            try connection.run(
                """
                INSERT INTO human_requests (id, run_key, status, prompt, context, created_at, deadline_at)
                VALUES ($1, $2, 'pending', $3, $4, $5, $6)
                """,
                [
                    .id(id), .int(run.key), .text(prompt), .optional(context), .time(now),
                    .time(now.advanced(bySeconds: Double(timeoutSeconds))),
                ])
            try self.runs.tell(.inputRequested(id: id, question: prompt), run, at: now, connection)
        }
        return id
    }

    /// - Throws: NOT_FOUND when the run has no such question.
    public func state(_ id: HumanRequestID, run: RunRef) async throws -> State {
        guard let state = try await find(id, run: run) else {
            throw AgentOSError(.notFound, "No human-input request with this id.")
        }
        return state
    }

    /// Nil when the run has no such question, or none any more: with its agent, a question is gone for good.
    public func find(_ id: HumanRequestID, run: RunRef) async throws -> State? {
        let now = clock.now()
        return try await database.read { connection in
            try connection.row(
                """
                SELECT h.status, h.answer, h.deadline_at, r.completed_at, a.deleted_at FROM human_requests h
                JOIN runs r ON r.key = h.run_key JOIN agents a ON a.key = r.agent_key
                WHERE h.id = $1 AND h.run_key = $2
                """, [.id(id), .int(run.key)]
            ) { row in
                if row.text(0) == "answered" { return State.answered(row.text(1) ?? "") }
                // Its rows are removed later.
                if row.time(4) != nil { return State.cancelled }
                let deadline = Timestamp(microseconds: try row.requiredInt(2))
                // A run that ended before the deadline took its open questions with it.
                if let ended = row.time(3), ended < deadline { return State.cancelled }
                return now >= deadline ? State.expired : State.pending(deadline: deadline)
            }
        }
    }

    /// Answers one question of a reported run, or its oldest open one.
    /// - Throws: CONFLICT when there is nothing to answer.
    public func answer(_ id: HumanRequestID?, run: RunRef, text: String) async throws -> HumanRequestID {
        let now = clock.now()
        let answered = try await committer.write(cost: text.utf8.count + 256) { connection -> HumanRequestID in
            let open = try Self.oldestOpen(ofRun: run.key, only: id, now: now, connection)
            let running =
                try connection.int(
                    "SELECT 1 FROM runs WHERE key = $1 AND completed_at IS NULL", [.int(run.key)]) != nil
            guard let open, running else {
                throw Self.notOpen(id)
            }
            try connection.run(
                "UPDATE human_requests SET status = 'answered', answer = $2, closed_at = $3 WHERE id = $1",
                [.id(open.id), .text(text), .time(now)])
            return open.id
        }
        bell.ring(answered)
        return answered
    }

    /// Wakes the polls of a run that has ended.
    public func runEnded(_ run: RunRef) async throws {
        guard !bell.isIdle else { return }
        let ids = try await database.read { connection in
            try connection.rows(
                "SELECT id FROM human_requests WHERE run_key = $1 AND status = 'pending'", [.int(run.key)]
            ) { HumanRequestID(try $0.bits(0)) }
        }
        for id in ids { bell.ring(id) }
    }

    /// Wakes the polls whose run is gone, with its agent or its workspace.
    public func wakeOrphans() async throws {
        let waiting = bell.keys
        guard !waiting.isEmpty else { return }
        let orphans = try await database.read { connection in
            try waiting.filter { id in
                try connection.int(
                    """
                    SELECT 1 FROM human_requests h JOIN runs r ON r.key = h.run_key
                    JOIN agents a ON a.key = r.agent_key WHERE h.id = $1 AND a.deleted_at IS NULL
                    """, [.id(id)]) == nil
            }
        }
        for id in orphans { bell.ring(id) }
    }

    // MARK: - Questions of hosted runs

    static func insert(_ request: InputRequest, run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO human_requests (id, run_key, status, prompt, context, options, created_at, deadline_at)
            VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7)
            """,
            [
                .id(request.id), .int(run), .text(request.question), .json(request.context.map(JSONValue.object)),
                .json(request.options.isEmpty ? nil : .array(request.options.map(JSONValue.string))), .time(now),
                .time(request.expiresAt),
            ])
        try JobQueue.enqueue(
            HostedRunStore.questionExpiryJob, name: "\(request.id)", at: request.expiresAt,
            payload: ["run": .int(Int(run))], now: now, connection)
    }

    static func cancelPending(ofRun run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        let ids = try connection.rows(
            """
            UPDATE human_requests SET status = 'cancelled', closed_at = $2 WHERE run_key = $1 AND status = 'pending'
            RETURNING id
            """, [.int(run), .time(now)]
        ) { HumanRequestID(try $0.bits(0)) }
        for id in ids { try JobQueue.remove(HostedRunStore.questionExpiryJob, name: "\(id)", connection) }
    }

    /// The question that a hosted run waits for an answer to.
    /// - Parameter id: the question that is meant; nil: whichever it is.
    /// - Throws: CONFLICT when it waits for none, or for another one.
    public func awaited(_ id: HumanRequestID?, by run: RunRef) async throws -> HumanRequestID {
        let now = clock.now()
        let question = try await database.read { Self.awaited(by: run.key, now: now, $0) }
        guard let question, id == nil || id == question.id else { throw Self.notOpen(id) }
        return question.id
    }

    /// Nil when it waits for none, or when the time for an answer is up.
    static func awaited(by run: Int64, now: Timestamp, _ connection: any SQLConnection) -> PendingQuestion? {
        guard case .input(let request)? = HostedRunStore.pause(of: run, connection), request.expiresAt > now else {
            return nil
        }
        return PendingQuestion(
            id: request.id, question: request.question, context: request.context.map { JSONValue.object($0).encoded },
            options: request.options.isEmpty
                ? nil : JSONValue.array(request.options.map(JSONValue.string)).encoded)
    }

    /// Whether the question is neither answered nor closed, late or not, and its run is not over.
    public func isPending(_ id: HumanRequestID) async throws -> Bool {
        try await database.read { connection in
            try connection.int(
                """
                SELECT 1 FROM human_requests h JOIN runs r ON r.key = h.run_key
                WHERE h.id = $1 AND h.status = 'pending' AND r.completed_at IS NULL
                """, [.id(id)]) != nil
        }
    }

    private static func notOpen(_ id: HumanRequestID?) -> AgentOSError {
        AgentOSError(
            .conflict,
            id == nil
                ? "The run has no open question."
                : "This question is not open: it was answered, cancelled, has expired, or is not the run's.")
    }

    /// Answers the question that a hosted run waits for (`awaited`) and lets the run go on; nil for `text` says that
    /// the time of one of its questions is up.
    /// - Parameter events: what is said on the run's record.
    /// - Returns: the first event's sequence number.
    /// - Throws: CONFLICT when it is not open any more.
    public func settle(
        _ id: HumanRequestID, run: RunRef, text: String?, events: OwnEvents, log: EventLog
    ) async throws -> Int64 {
        let now = clock.now()
        let first = try await committer.write(
            cost: (text?.utf8.count ?? 0) + 1024, aborted: { log.forget(run: run.key) }
        ) { connection in
            let changed = try connection.run(
                """
                UPDATE human_requests SET status = $2, answer = $3, closed_at = $4 WHERE id = $1 AND status = 'pending'
                  AND run_key IN (SELECT key FROM runs WHERE key = $5 AND status = 'awaiting_input')
                """,
                [
                    .id(id), .text(text == nil ? "expired" : "answered"), .optional(text), .time(now), .int(run.key),
                ])
            guard changed > 0 else { throw Self.notOpen(id) }
            try JobQueue.remove(HostedRunStore.questionExpiryJob, name: "\(id)", connection)
            let entry = text.map { JournalEntry.inputReceived(id, $0) } ?? .inputExpired(id)
            try HostedRunStore.append(entry, to: run.key, now: now, connection)
            try HostedRunStore.release(run.key, now: now, connection)
            return try log.append(own: events, toRun: run.key, connection)
        }
        return first
    }

    /// Of a reported run.
    static func oldestOpen(
        ofRun run: Int64, only id: HumanRequestID? = nil, now: Timestamp, _ connection: any SQLConnection
    ) throws -> PendingQuestion? {
        try connection.row(
            """
            SELECT id, prompt, context, options FROM human_requests
            WHERE run_key = $1 AND status = 'pending' AND deadline_at > $2 AND ($3 IS NULL OR id = $3)
            ORDER BY key LIMIT 1
            """, [.int(run), .time(now), id.map { .id($0) } ?? .null]
        ) { row in
            PendingQuestion(
                id: HumanRequestID(try row.bits(0)), question: try row.requiredText(1), context: row.bytes(2),
                options: row.bytes(3))
        }
    }
}
