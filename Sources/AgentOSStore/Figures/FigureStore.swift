import AgentOSCore

/// Sums over days: of an agent, or of all.
public struct DaySums: Sendable {
    public var runs = 0
    public var completed = 0
    public var failed = 0
    public var cancelled = 0
    public var durationMilliseconds = 0
    public var inputTokens = 0
    public var outputTokens = 0
    public var cacheReadTokens = 0
    public var cacheCreationTokens = 0
    public var cost = Money.zero
    public var unpricedCalls = 0

    public init() {}

    public static func + (a: DaySums, b: DaySums) -> DaySums {
        var sum = a
        sum.runs += b.runs
        sum.completed += b.completed
        sum.failed += b.failed
        sum.cancelled += b.cancelled
        sum.durationMilliseconds += b.durationMilliseconds
        sum.inputTokens += b.inputTokens
        sum.outputTokens += b.outputTokens
        sum.cacheReadTokens += b.cacheReadTokens
        sum.cacheCreationTokens += b.cacheCreationTokens
        sum.cost = Money(nanoUSD: sum.cost.nanoUSD + b.cost.nanoUSD)
        sum.unpricedCalls += b.unpricedCalls
        return sum
    }
}

/// Figures over days, out of the rollups.
public final class FigureStore: Sendable {
    /// One agent's figures, day by day; days without runs are left out.
    public struct AgentFigures: Sendable {
        public let id: AgentID
        public let name: String
        public let status: String
        /// By days since 1970, ascending.
        public let days: [(day: Int64, sums: DaySums)]
        /// By the model that a run called first; "" for runs without one.
        public let models: [String: DaySums]

        public var total: DaySums { days.reduce(DaySums()) { $0 + $1.sums } }
    }

    private let database: any Database
    private let clock: WallClock

    public init(database: any Database, clock: WallClock) {
        self.database = database
        self.clock = clock
    }

    /// Today, in days since 1970.
    public var today: Int64 { clock.now().microseconds / 86_400_000_000 }

    /// The workspace's agents with their figures of the last `days` days, today included.
    public func agents(workspace: Int64, days: Int, only agent: Int64? = nil) async throws -> [AgentFigures] {
        let first = today - Int64(days) + 1
        return try await database.read { connection in
            var days: [Int64: [(Int64, DaySums)]] = [:]
            var models: [Int64: [String: DaySums]] = [:]
            try connection.each(
                """
                SELECT agent_key, day, model, runs, completed, failed, cancelled, duration_ms, input_tokens, output_tokens,
                  cache_read_tokens, cache_creation_tokens, cost, unpriced_calls
                FROM agent_days WHERE workspace_key = $1 AND day >= $2 AND ($3 IS NULL OR agent_key = $3) ORDER BY day
                """, [.int(workspace), .int(first), .optional(agent)]
            ) { row in
                let (agent, day, sums) = (try row.requiredInt(0), try row.requiredInt(1), Self.sums(row, from: 3))
                if let last = days[agent]?.last, last.0 == day {
                    days[agent]?.removeLast()
                    days[agent]?.append((day, last.1 + sums))
                } else {
                    days[agent, default: []].append((day, sums))
                }
                let model = try row.requiredText(2)
                models[agent, default: [:]][model] = (models[agent]?[model] ?? DaySums()) + sums
                return true
            }
            return try connection.rows(
                """
                SELECT key, id, name, status FROM agents
                WHERE workspace_key = $1 AND deleted_at IS NULL AND ($2 IS NULL OR key = $2) ORDER BY key
                """, [.int(workspace), .optional(agent)]
            ) { row in
                let key = try row.requiredInt(0)
                return AgentFigures(
                    id: AgentID(try row.bits(1)), name: try row.requiredText(2), status: try row.requiredText(3),
                    days: days[key] ?? [], models: models[key] ?? [:])
            }
        }
    }

    private static func sums(_ row: any SQLRow, from first: Int) -> DaySums {
        func count(_ offset: Int) -> Int { Int(row.int(first + offset) ?? 0) }
        var sums = DaySums()
        sums.runs = count(0)
        sums.completed = count(1)
        sums.failed = count(2)
        sums.cancelled = count(3)
        sums.durationMilliseconds = count(4)
        sums.inputTokens = count(5)
        sums.outputTokens = count(6)
        sums.cacheReadTokens = count(7)
        sums.cacheCreationTokens = count(8)
        sums.cost = Money(nanoUSD: row.int(first + 9) ?? 0)
        sums.unpricedCalls = count(10)
        return sums
    }
}
