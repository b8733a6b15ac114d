import AgentOSCore

/// Something to be done later, at least once.
public struct Job: Sendable {
    public let key: Int64
    public let kind: String
    /// With the kind it names the job: enqueuing it again moves it instead of adding another.
    public let name: String
    /// Tries so far, this one included.
    public let attempts: Int
    /// Grows with each claim; only the newest claim's holder may settle the job.
    public let fence: Int64
    public let payload: JSONValue
}

/// Everything that happens later. A job is enqueued in the transaction of the fact that causes it, claimed under a lease
/// and removed when it is done; a failing one is tried again, ever later, and in the end parked where a person sees it.
public final class JobQueue: Sendable {
    /// Seconds a claim holds before somebody else may try.
    static let leaseSeconds = 300.0

    let database: any Database
    let committer: GroupCommit
    let clock: WallClock
    /// Rung after a commit that enqueued something.
    private let bell = Bell<Int>()

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
        committer.onNewJobs { [bell] in bell.ring(0) }
    }

    // MARK: - Enqueuing

    /// Puts a job into the queue, or gives the one of that name a new time; one that is being worked on is due once more.
    /// The dispatcher is woken when the transaction is over.
    /// - Parameters:
    ///   - workspace: whose admins may see it; nil leaves a known one as it is.
    ///   - attempts: tries that its handler counts as made.
    ///   - error: what became of the last of them.
    public static func enqueue(
        _ kind: String, name: String, at time: Timestamp, payload: JSONValue = .null, workspace: Int64? = nil,
        attempts: Int = 0, error: String? = nil, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        connection.hasNewJobs = true
        try connection.run(
            """
            INSERT INTO jobs (kind, name, run_at, payload, created_at, workspace_key, attempts, last_error)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (kind, name) DO UPDATE SET run_at = excluded.run_at, payload = excluded.payload,
              attempts = excluded.attempts, last_error = excluded.last_error,
              lease_until = NULL, fence = jobs.fence + 1, parked_at = NULL,
              workspace_key = COALESCE(excluded.workspace_key, jobs.workspace_key)
            """,
            [
                .text(kind), .text(name), .time(time), .json(payload), .time(now), .optional(workspace),
                .optional(attempts), .optional(error.map { String($0.prefix(500)) }),
            ])
    }

    public static func remove(_ kind: String, name: String, _ connection: any SQLConnection) throws {
        try connection.run("DELETE FROM jobs WHERE kind = $1 AND name = $2", [.text(kind), .text(name)])
    }

    /// Has the dispatcher look for due jobs now.
    public func wake() { bell.ring(0) }

    // MARK: - Working

    /// Claims due jobs of each kind, the longest due first.
    /// - Parameter places: how many of each kind at most; kinds that are not named stay where they are.
    func claim(_ places: [String: Int]) async throws -> [Job] {
        let now = clock.now()
        let kinds = places.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        guard !kinds.isEmpty else { return [] }
        // A look at the index for each kind: a long backlog of one hides nothing of the others.
        let due = kinds.indices.map { index in
            """
            SELECT key FROM (SELECT key FROM jobs WHERE parked_at IS NULL AND lease_until IS NULL AND run_at <= $1
              AND kind = $\(3 + 2 * index) ORDER BY run_at LIMIT $\(4 + 2 * index))
            """
        }
        let sql = """
            UPDATE jobs SET lease_until = $2, fence = fence + 1, attempts = attempts + 1 WHERE key IN (
            \(due.joined(separator: " UNION ALL ")))
            RETURNING key, kind, name, attempts, fence, payload
            """
        var arguments: [SQLValue] = [.time(now), .time(now.advanced(bySeconds: Self.leaseSeconds))]
        for (kind, places) in kinds { arguments += [.text(kind), .int(Int64(places))] }
        let bound = arguments
        return try await committer.write { connection in
            try connection.run("UPDATE jobs SET lease_until = NULL WHERE lease_until <= $1", [.time(now)])
            return try connection.rows(sql, bound) { row in
                Job(
                    key: try row.requiredInt(0), kind: try row.requiredText(1), name: try row.requiredText(2),
                    attempts: Int(try row.requiredInt(3)), fence: try row.requiredInt(4), payload: row.json(5) ?? .null)
            }
        }
    }

    /// Parks jobs of other kinds, which a newer version may have left, where a person sees them.
    func park(allBut kinds: [String]) async throws {
        let now = clock.now()
        let known = kinds.indices.map { "$\($0 + 3)" }.joined(separator: ", ")
        try await committer.write { connection in
            try connection.run(
                """
                UPDATE jobs SET parked_at = $1, lease_until = NULL, last_error = $2 || kind
                WHERE parked_at IS NULL AND kind NOT IN (\(known))
                """,
                [.time(now), .text("This version knows no jobs of the kind ")] + kinds.map(SQLValue.text))
        }
    }

    /// Removes a job that is done, as `settle`.
    public func done(_ job: Job) async throws {
        try await committer.write { connection in try Self.settle(job, connection) }
    }

    /// Removes a job that is done, in the transaction of what came of it; one that was claimed or enqueued anew stays.
    static func settle(_ job: Job, _ connection: any SQLConnection) throws {
        try connection.run("DELETE FROM jobs WHERE key = $1 AND fence = $2", [.int(job.key), .int(job.fence)])
    }

    /// Undoes the claim of a job that was cut off: it is due as before, and the try does not count.
    func giveBack(_ job: Job) async throws {
        try await committer.write { connection in
            try connection.run(
                "UPDATE jobs SET lease_until = NULL, attempts = attempts - 1 WHERE key = $1 AND fence = $2",
                [.int(job.key), .int(job.fence)])
        }
    }

    /// - Parameter seconds: until the next try; nil parks the job.
    func failed(_ job: Job, error: String, retryIn seconds: Double?) async throws {
        let now = clock.now()
        try await committer.write { connection in
            try connection.run(
                """
                UPDATE jobs SET lease_until = NULL, last_error = $3, run_at = $4, parked_at = $5
                WHERE key = $1 AND fence = $2
                """,
                [
                    .int(job.key), .int(job.fence), .text(String(error.prefix(500))),
                    .time(now.advanced(bySeconds: seconds ?? 0)), seconds == nil ? .time(now) : .null,
                ])
            guard seconds == nil else { return }
            let workspace = try connection.int(
                "SELECT workspace_key FROM jobs WHERE key = $1 AND fence = $2 AND parked_at IS NOT NULL",
                [.int(job.key), .int(job.fence)])
            guard let workspace else { return }
            try NotificationStore.insert(
                .system, title: "A job was given up: \(job.kind)",
                body: "After \(job.attempts) tries: \(error.prefix(500)). It can be tried again with jobs_retry.",
                workspace: workspace, now: now, connection)
        }
    }

    /// When the next job of one of these kinds is due, or a claim runs out; nil when there is none.
    func nextDue(_ kinds: [String]) async throws -> Timestamp? {
        let sql =
            kinds.indices.map { index in
                "SELECT MIN(run_at) FROM jobs WHERE parked_at IS NULL AND lease_until IS NULL AND kind = $\(index + 1)"
            } + ["SELECT MIN(lease_until) FROM jobs WHERE lease_until IS NOT NULL"]
        return try await database.read { connection in
            try connection.rows(sql.joined(separator: " UNION ALL "), kinds.map(SQLValue.text)) { $0.int(0) }
                .compactMap { $0 }.min().map(Timestamp.init(microseconds:))
        }
    }

    /// Frees the claims of a process that is gone. Only for a store that no other process can have open.
    public func releaseAll() async throws {
        _ = try await committer.write { connection in
            try connection.run("UPDATE jobs SET lease_until = NULL WHERE lease_until IS NOT NULL", [])
        }
    }

    /// Waits for `wake`, at most so long.
    func waitForWork(_ listener: Bell<Int>.Listener, seconds: Double) async {
        await bell.wait(listener, seconds: seconds)
    }

    func listen() -> Bell<Int>.Listener { bell.listen(0) }

    func stop(_ listener: Bell<Int>.Listener) { bell.stop(listener) }

    /// Jobs that were given up, for people to look at.
    public func parked(limit: Int = 100) async throws -> [(kind: String, name: String, error: String?)] {
        try await database.read { connection in
            try connection.rows(
                "SELECT kind, name, last_error FROM jobs WHERE parked_at IS NOT NULL ORDER BY parked_at DESC LIMIT $1",
                [.int(Int64(limit))]
            ) { (try $0.requiredText(0), try $0.requiredText(1), $0.text(2)) }
        }
    }

    /// How many jobs wait and how many were given up, for metrics.
    public func counts() async throws -> (waiting: Int, parked: Int) {
        try await database.read { connection in
            let waiting = try connection.int("SELECT COUNT(*) FROM jobs WHERE parked_at IS NULL") ?? 0
            let parked = try connection.int("SELECT COUNT(*) FROM jobs WHERE parked_at IS NOT NULL") ?? 0
            return (Int(waiting), Int(parked))
        }
    }
}
