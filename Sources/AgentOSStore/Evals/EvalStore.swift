import AgentOSCore

/// An input an agent is tried with, and what must be true of what it does.
public struct EvalCase: Sendable {
    public let key: Int64
    public let id: EvalCaseID
    public let workspaceKey: Int64
    public let agentID: AgentID
    public let name: String
    public let input: JSONValue
    public let assertions: JSONValue
    public let lastStatus: String?
    public let lastRunID: EvalRunID?
    public let createdAt: Timestamp
}

/// One try of a case.
public struct EvalRun: Sendable {
    public let key: Int64
    public let id: EvalRunID
    public let caseID: EvalCaseID
    public let runID: RunID?
    /// `pending`, `running`, `passed`, `failed` or `error`.
    public let status: String
    public let results: JSONValue
    public let errorMessage: String?
    public let createdAt: Timestamp
    public let completedAt: Timestamp?
    /// Of the agent's configuration; nil: the newest at that time.
    public let version: Int?
    public let caseName: String
}

/// Cases and their tries.
public final class EvalStore: Sendable {
    public static let runJob = "eval.run"
    /// Cases of one agent.
    public static let bound = 1000

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    private static let caseColumns = """
        SELECT c.key, c.id, c.workspace_key, a.id, c.name, c.input, c.assertions, e.status, e.id, c.created_at
        FROM eval_cases c JOIN agents a ON a.key = c.agent_key
        LEFT JOIN eval_runs e ON e.key = (SELECT MAX(key) FROM eval_runs WHERE case_key = c.key)
        """

    private static func decodeCase(_ row: any SQLRow) throws -> EvalCase {
        EvalCase(
            key: try row.requiredInt(0), id: EvalCaseID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
            agentID: AgentID(try row.bits(3)), name: try row.requiredText(4), input: row.json(5) ?? .null,
            assertions: row.json(6) ?? .null, lastStatus: row.text(7),
            lastRunID: row.optionalBits(8).map(EvalRunID.init),
            createdAt: Timestamp(microseconds: try row.requiredInt(9)))
    }

    /// Oldest first.
    public func cases(
        agent: Int64, _ page: PageRequest = PageRequest(limit: EvalStore.bound)
    ) async throws -> Page<EvalCase> {
        let above = try page.key(start: 0)
        return try await database.read { connection in
            try connection.page(
                page, "\(Self.caseColumns) WHERE c.agent_key = $1 AND c.key > $2 ORDER BY c.key LIMIT $3",
                [.int(agent), .int(above)]
            ) { row in
                let evalCase = try Self.decodeCase(row)
                return (evalCase, ListPlace(.int(evalCase.key)))
            }
        }
    }

    /// - Throws: NOT_FOUND
    public func evalCase(_ id: EvalCaseID, workspace: Int64) async throws -> EvalCase {
        let found = try await database.read { connection in
            try connection.row(
                "\(Self.caseColumns) WHERE c.id = $1 AND c.workspace_key = $2 AND a.deleted_at IS NULL",
                [.id(id), .int(workspace)], Self.decodeCase)
        }
        guard let found else { throw AgentOSError.notFound("eval case") }
        return found
    }

    /// - Throws: CONFLICT when the agent has too many.
    public func create(
        agent: Agent, name: String, input: JSONObject, assertions: [JSONValue]
    ) async throws -> EvalCaseID {
        let now = clock.now()
        let id = EvalCaseID.new(at: now)
        try await committer.write(audit: .row("eval case", in: "eval_cases", where: "id = $1", [.id(id)])) {
            connection in
            let count = try connection.int("SELECT COUNT(*) FROM eval_cases WHERE agent_key = $1", [.int(agent.key)])
            guard (count ?? 0) < Self.bound else {
                throw AgentOSError(.conflict, "An agent can have \(Self.bound) eval cases.")
            }
            try connection.run(
                """
                INSERT INTO eval_cases (id, workspace_key, agent_key, name, input, assertions, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    .id(id), .int(agent.workspaceKey), .int(agent.key), .text(name), .json(.object(input)),
                    .json(.array(assertions)), .time(now),
                ])
        }
        return id
    }

    /// With its tries.
    public func delete(_ evalCase: EvalCase) async throws {
        try await committer.write(audit: .row("eval case", in: "eval_cases", where: "id = $1", [.id(evalCase.id)])) {
            connection in
            try connection.run("DELETE FROM eval_runs WHERE case_key = $1", [.int(evalCase.key)])
            try connection.run("DELETE FROM eval_cases WHERE key = $1", [.int(evalCase.key)])
        }
    }

    /// Puts a try of a case on record and has it made.
    /// - Parameters:
    ///   - version: of the agent's configuration; nil: as it is now.
    ///   - suite: what it is part of.
    public func begin(_ evalCase: EvalCase, version: Int? = nil) async throws -> EvalRunID {
        let now = clock.now()
        return try await committer.write { try Self.begin(evalCase, version: version, suite: nil, now: now, $0) }
    }

    private static func begin(
        _ evalCase: EvalCase, version: Int?, suite: EvalSuiteID?, now: Timestamp, _ connection: any SQLConnection
    ) throws -> EvalRunID {
        let id = EvalRunID.new(at: now)
        let key = try connection.row(
            """
            INSERT INTO eval_runs (id, case_key, agent_key, status, results, created_at, agent_version, suite_id)
            SELECT $1, key, agent_key, 'pending', '[]', $3, $4, $5 FROM eval_cases WHERE key = $2 RETURNING key
            """,
            [.id(id), .int(evalCase.key), .time(now), .optional(version), suite.map { .id($0) } ?? .null]
        ) { try $0.requiredInt(0) }
        guard let key else { throw AgentOSError.notFound("eval case") }
        try JobQueue.enqueue(
            runJob, name: String(key), at: now, payload: ["eval_run": .int(Int(key))],
            workspace: evalCase.workspaceKey, now: now, connection)
        return id
    }

    /// Puts a try of each of an agent's cases on record and has them made.
    /// - Throws: CONFLICT when it has none.
    public func beginSuite(agent: Agent, version: Int) async throws -> EvalSuiteID {
        let now = clock.now()
        let suite = EvalSuiteID.new(at: now)
        try await committer.write { connection in
            let cases = try connection.rows(
                "\(Self.caseColumns) WHERE c.agent_key = $1 ORDER BY c.key", [.int(agent.key)], Self.decodeCase)
            guard !cases.isEmpty else { throw AgentOSError(.conflict, "The agent has no eval cases.") }
            for evalCase in cases {
                _ = try Self.begin(evalCase, version: version, suite: suite, now: now, connection)
            }
        }
        return suite
    }

    /// The tries of a suite, in the order of their cases.
    /// - Throws: NOT_FOUND
    public func suite(_ id: EvalSuiteID, workspace: Int64) async throws -> [EvalRun] {
        let found = try await database.read { connection in
            try connection.rows(
                "\(Self.runColumns) WHERE e.suite_id = $1 AND c.workspace_key = $2 ORDER BY e.case_key",
                [.id(id), .int(workspace)], Self.decodeRun)
        }
        guard !found.isEmpty else { throw AgentOSError.notFound("eval suite") }
        return found
    }

    /// The latest ended try of each case with a version.
    public func latest(agent: Int64, version: Int) async throws -> [EvalCaseID: EvalRun] {
        let found = try await database.read { connection in
            try connection.rows(
                """
                \(Self.runColumns) WHERE e.key IN (SELECT MAX(key) FROM eval_runs
                  WHERE agent_key = $1 AND agent_version = $2 AND completed_at IS NOT NULL GROUP BY case_key)
                """, [.int(agent), .int(Int64(version))], Self.decodeRun)
        }
        return Dictionary(found.map { ($0.caseID, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Tries of an agent that was deleted are not there any more, also before their rows are removed.
    private static let runColumns = """
        SELECT e.key, e.id, c.id, r.id, e.status, e.results, e.error_message, e.created_at, e.completed_at,
          e.agent_version, c.name
        FROM eval_runs e JOIN eval_cases c ON c.key = e.case_key
        JOIN agents a ON a.key = c.agent_key AND a.deleted_at IS NULL LEFT JOIN runs r ON r.key = e.run_key
        """

    private static func decodeRun(_ row: any SQLRow) throws -> EvalRun {
        EvalRun(
            key: try row.requiredInt(0), id: EvalRunID(try row.bits(1)), caseID: EvalCaseID(try row.bits(2)),
            runID: row.optionalBits(3).map(RunID.init), status: try row.requiredText(4),
            results: row.json(5) ?? .array([]), errorMessage: row.text(6),
            createdAt: Timestamp(microseconds: try row.requiredInt(7)), completedAt: row.time(8),
            version: row.int(9).map(Int.init), caseName: row.text(10) ?? "")
    }

    /// - Throws: NOT_FOUND
    public func run(_ id: EvalRunID, workspace: Int64) async throws -> EvalRun {
        let found = try await database.read { connection in
            try connection.row(
                "\(Self.runColumns) WHERE e.id = $1 AND c.workspace_key = $2", [.id(id), .int(workspace)],
                Self.decodeRun)
        }
        guard let found else { throw AgentOSError.notFound("eval run") }
        return found
    }

    /// A try that is still to be made, with its case.
    public func open(_ key: Int64) async throws -> (run: EvalRun, evalCase: EvalCase)? {
        try await database.read { connection in
            let run = try connection.row(
                "\(Self.runColumns) WHERE e.key = $1 AND e.completed_at IS NULL", [.int(key)], Self.decodeRun)
            guard let run else { return nil }
            let found = try connection.row("\(Self.caseColumns) WHERE c.id = $1", [.id(run.caseID)], Self.decodeCase)
            return found.map { (run, $0) }
        }
    }

    public func noteRunning(_ run: EvalRun, as ref: RunRef) async throws {
        try await committer.write { connection in
            try connection.run(
                """
                UPDATE eval_runs SET status = 'running', run_key = $2,
                  agent_version = COALESCE(agent_version, (SELECT agent_version FROM runs WHERE key = $2)) WHERE key = $1
                """, [.int(run.key), .int(ref.key)])
        }
    }

    public func settle(_ run: EvalRun, status: String, results: [JSONValue], error: String?) async throws {
        let now = clock.now()
        try await committer.write { connection in
            try connection.run(
                """
                UPDATE eval_runs SET status = $2, results = $3, error_message = $4, completed_at = $5 WHERE key = $1
                """, [.int(run.key), .text(status), .json(.array(results)), .optional(error), .time(now)])
        }
    }
}
