import AgentOSCore

/// Tasks of reported runs: named parts of the work with a state of their own.
public final class TaskStore: Sendable {
    /// A report about a task; absent values stay as they are.
    public struct Report: Sendable {
        public var id: TaskID
        public var name: String
        public var status: TaskStatus
        public var input: [UInt8]?
        public var output: [UInt8]?
        public var errorMessage: String?

        public init(
            id: TaskID, name: String, status: TaskStatus, input: [UInt8]?, output: [UInt8]?, errorMessage: String?
        ) {
            self.id = id
            self.name = name
            self.status = status
            self.input = input
            self.output = output
            self.errorMessage = errorMessage
        }
    }

    private let committer: GroupCommit
    private let clock: WallClock

    public init(committer: GroupCommit, clock: WallClock) {
        self.committer = committer
        self.clock = clock
    }

    /// Creates or updates a task. A terminal status is final: the same one again is fine, an earlier one is ignored.
    /// - Returns: the status that is stored now.
    /// - Throws: CONFLICT for another terminal status, or for an id that another run of the workspace uses.
    public func report(_ task: Report, run: RunRef) async throws -> TaskStatus {
        let now = clock.now()
        let cost = 512 + (task.input?.count ?? 0) + (task.output?.count ?? 0)
        return try await committer.write(cost: cost) { connection in
            let known = try connection.row(
                "SELECT key, status FROM tasks WHERE run_key = $1 AND id = $2", [.int(run.key), .id(task.id)]
            ) { (try $0.requiredInt(0), TaskStatus(rawValue: try $0.requiredText(1)) ?? .pending) }
            guard let (key, status) = known else {
                try Self.insert(task, run: run, now: now, connection)
                return task.status
            }
            if status.isTerminal {
                if task.status.isTerminal, task.status != status {
                    throw AgentOSError(.conflict, "The task has already ended as \(status.rawValue).")
                }
                return status
            }
            try connection.run(
                """
                UPDATE tasks SET name = $2, status = $3, input = COALESCE($4, input), output = COALESCE($5, output),
                  error_message = COALESCE($6, error_message), started_at = COALESCE(started_at, $7),
                  completed_at = $8 WHERE key = $1
                """,
                [
                    .int(key), .text(task.name), .text(task.status.rawValue), .optional(task.input),
                    .optional(task.output), .optional(task.errorMessage),
                    task.status == .running ? .time(now) : .null, task.status.isTerminal ? .time(now) : .null,
                ])
            return task.status
        }
    }

    private static func insert(_ task: Report, run: RunRef, now: Timestamp, _ connection: any SQLConnection) throws {
        let elsewhere = try connection.int(
            """
            SELECT 1 FROM tasks t JOIN runs r ON r.key = t.run_key
            WHERE t.id = $1 AND t.run_key <> $2 AND r.workspace_key = $3 LIMIT 1
            """, [.id(task.id), .int(run.key), .int(run.workspaceKey)])
        guard elsewhere == nil else { throw AgentOSError(.conflict, "This task id belongs to another run.") }
        guard try connection.int("SELECT 1 FROM run_counters WHERE run_key = $1", [.int(run.key)]) != nil else {
            throw AgentOSError.notFound("run")
        }
        try connection.run(
            """
            INSERT INTO tasks (id, run_key, name, status, input, output, error_message, created_at, started_at, completed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .id(task.id), .int(run.key), .text(task.name), .text(task.status.rawValue), .optional(task.input),
                .optional(task.output), .optional(task.errorMessage), .time(now),
                task.status == .running ? .time(now) : .null, task.status.isTerminal ? .time(now) : .null,
            ])
    }

    static func tasks(ofRun run: Int64, _ connection: any SQLConnection) throws -> [TaskRecord] {
        try connection.rows(
            """
            SELECT id, name, status, input, output, error_message, started_at, completed_at FROM tasks
            WHERE run_key = $1 ORDER BY key
            """, [.int(run)]
        ) { row in
            TaskRecord(
                id: TaskID(try row.bits(0)), name: try row.requiredText(1),
                status: TaskStatus(rawValue: try row.requiredText(2)) ?? .pending, input: row.bytes(3),
                output: row.bytes(4), errorMessage: row.text(5), startedAt: row.time(6), completedAt: row.time(7))
        }
    }
}
