import AgentOSCore

/// A written report.
public struct Report: Sendable {
    public let id: ReportID
    public let type: String
    /// `generating`, `ready` or `failed`.
    public let status: String
    public let summary: String?
    /// Markdown; left out in lists.
    public let content: String?
    public let errorMessage: String?
    public let agentID: AgentID?
    public let runID: RunID?
    public let periodStart: Timestamp?
    public let periodEnd: Timestamp?
    public let createdAt: Timestamp
}

/// A report that is to be put on record.
public struct NewReport: Sendable {
    public var type: String
    public var workspace: Int64
    public var agent: Int64?
    public var run: Int64?
    public var period: (start: Timestamp, end: Timestamp)?
    public var summary: String
    public var content: String

    public init(
        type: String, workspace: Int64, agent: Int64? = nil, run: Int64? = nil,
        period: (start: Timestamp, end: Timestamp)? = nil, summary: String, content: String
    ) {
        self.type = type
        self.workspace = workspace
        self.agent = agent
        self.run = run
        self.period = period
        self.summary = summary
        self.content = content
    }
}

/// Reports, and the figures they are made of.
public final class ReportStore: Sendable {
    let database: any Database
    let committer: GroupCommit
    let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    private static let columns = """
        SELECT p.id, p.type, p.status, p.summary, p.error_message, a.id, r.id, p.period_start, p.period_end,
          p.created_at, p.content, p.key
        FROM reports p LEFT JOIN agents a ON a.key = p.agent_key LEFT JOIN runs r ON r.key = p.run_key
        """

    private static func decode(_ row: any SQLRow) throws -> Report {
        Report(
            id: ReportID(try row.bits(0)), type: try row.requiredText(1), status: try row.requiredText(2),
            summary: row.text(3), content: row.text(10), errorMessage: row.text(4),
            agentID: row.optionalBits(5).map(AgentID.init), runID: row.optionalBits(6).map(RunID.init),
            periodStart: row.time(7), periodEnd: row.time(8),
            createdAt: Timestamp(microseconds: try row.requiredInt(9)))
    }

    /// Newest first.
    public func list(
        workspace: Int64, agent: Int64?, status: String?, _ page: PageRequest
    ) async throws -> Page<Report> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                \(Self.columns) WHERE p.workspace_key = $1 AND a.deleted_at IS NULL
                  AND ($2 IS NULL OR p.agent_key = $2) AND ($3 IS NULL OR p.status = $3)
                  AND p.key < $4 ORDER BY p.key DESC LIMIT $5
                """, [.int(workspace), .optional(agent), .optional(status), .int(below)]
            ) { (try Self.decode($0), ListPlace(.int(try $0.requiredInt(11)))) }
        }
    }

    /// - Throws: NOT_FOUND
    public func report(_ id: ReportID, workspace: Int64) async throws -> Report {
        let found = try await database.read { connection in
            try connection.row(
                "\(Self.columns) WHERE p.id = $1 AND p.workspace_key = $2 AND a.deleted_at IS NULL",
                [.id(id), .int(workspace)], Self.decode)
        }
        guard let found else { throw AgentOSError.notFound("report") }
        return found
    }

    public func insert(_ report: NewReport) async throws -> ReportID {
        let now = clock.now()
        let id = ReportID.new(at: now)
        try await committer.write(
            cost: report.content.utf8.count + 512, audit: .row("report", in: "reports", where: "id = $1", [.id(id)])
        ) { try Self.insert(report, id: id, now: now, $0) }
        return id
    }

    static func insert(
        _ report: NewReport, id: ReportID, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let (start, end) = (report.period?.start, report.period?.end)
        try connection.run(
            """
            INSERT INTO reports (id, workspace_key, agent_key, run_key, type, status, summary, content, period_start,
              period_end, created_at)
            VALUES ($1, $2, $3, $4, $5, 'ready', $6, $7, $8, $9, $10)
            """,
            [
                .id(id), .int(report.workspace), .optional(report.agent), .optional(report.run), .text(report.type),
                .text(report.summary), .text(report.content), .time(start), .time(end), .time(now),
            ])
    }

    /// - Throws: NOT_FOUND
    public func delete(_ id: ReportID, workspace: Int64) async throws {
        try await committer.write(
            audit: .row("report", in: "reports", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let removed = try connection.run(
                "DELETE FROM reports WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
            guard removed > 0 else { throw AgentOSError.notFound("report") }
        }
    }

    // MARK: - Figures

    /// What a period held.
    public struct PeriodFigures: Sendable {
        public var sums = DaySums()
        /// Runs that used a model whose price is not known; their cost is not, or not all, in the sums.
        public var unpricedRuns = 0
        /// Durations in milliseconds that half and 95 % of the ended runs do not exceed (nearest rank).
        public var median: Int?
        public var percentile95: Int?
        /// The longest, longest first.
        public var slowest: [(run: RunID, agent: String, milliseconds: Int)] = []
        /// Failures by message, most first.
        public var failures: [(message: String, count: Int)] = []
    }

    /// Whether something of a run has no known price, by the same authority as its cost.
    private static let lacksPrice = """
        CASE WHEN c.given_cost IS NOT NULL THEN 0 WHEN c.span_count > 0 THEN c.span_priced < c.span_count
          WHEN c.response_count > 0 THEN c.response_priced < c.response_count
          ELSE COALESCE(c.given_input, 0) + COALESCE(c.given_output, 0) > 0 END
        """

    /// Adds up what others report; more than a number holds stays at the largest.
    private static func add(_ count: Int64?, to sum: inout Int) {
        let (value, overflow) = sum.addingReportingOverflow(Int(count ?? 0))
        sum = overflow ? Int.max : value
    }

    /// Runs that ended within a period, of one agent or of all; test runs left out. At most the newest 100,000 an agent.
    public func figures(
        workspace: Int64, agent: Int64?, from start: Timestamp, to end: Timestamp
    ) async throws -> PeriodFigures {
        try await database.read { connection in
            var figures = PeriodFigures()
            var (durations, messages) = ([(Int, RunID, String)](), [String: Int]())
            let agents = try connection.rows(
                "SELECT key, name FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL AND ($2 IS NULL OR key = $2)",
                [.int(workspace), .optional(agent)]
            ) { (try $0.requiredInt(0), try $0.requiredText(1)) }
            for (key, name) in agents {
                try connection.each(
                    """
                    SELECT r.id, r.status, r.duration_ms, r.error_message, c.span_count,
                      \(RunFigures.tokens()), \(RunFigures.cost), \(Self.lacksPrice)
                    FROM runs r JOIN run_counters c ON c.run_key = r.key
                    WHERE r.agent_key = $1 AND r.completed_at IS NOT NULL AND r.is_test = 0 AND r.completed_at >= $2
                      AND r.completed_at < $3 ORDER BY r.completed_at DESC LIMIT 100000
                    """, [.int(key), .time(start), .time(end)]
                ) { row in
                    figures.sums.runs += 1
                    switch row.text(1) {
                    case "completed": figures.sums.completed += 1
                    case "failed":
                        figures.sums.failed += 1
                        messages[String((row.text(3) ?? "without a message").prefix(200)), default: 0] += 1
                    default: figures.sums.cancelled += 1
                    }
                    Self.add(row.int(5), to: &figures.sums.inputTokens)
                    Self.add(row.int(6), to: &figures.sums.outputTokens)
                    figures.sums.cost = figures.sums.cost + Money(nanoUSD: row.int(9) ?? 0)
                    if row.int(10) == 1 { figures.unpricedRuns += 1 }
                    durations.append((Int(row.int(2) ?? 0), RunID(try row.bits(0)), name))
                    return true
                }
            }
            durations.sort { $0.0 < $1.0 }
            if !durations.isEmpty {
                figures.median = durations[(durations.count - 1) / 2].0
                figures.percentile95 = durations[(durations.count * 95 + 99) / 100 - 1].0
            }
            figures.slowest = durations.suffix(5).reversed().map { ($0.1, $0.2, $0.0) }
            figures.failures = messages.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(10).map {
                ($0.key, $0.value)
            }
            return figures
        }
    }
}
