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

    /// Sums that would overflow stay at the largest number.
    public static func + (a: DaySums, b: DaySums) -> DaySums {
        func add(_ part: KeyPath<DaySums, Int>) -> Int {
            let (sum, overflow) = a[keyPath: part].addingReportingOverflow(b[keyPath: part])
            return overflow ? .max : sum
        }
        var sum = DaySums()
        sum.runs = add(\.runs)
        sum.completed = add(\.completed)
        sum.failed = add(\.failed)
        sum.cancelled = add(\.cancelled)
        sum.durationMilliseconds = add(\.durationMilliseconds)
        sum.inputTokens = add(\.inputTokens)
        sum.outputTokens = add(\.outputTokens)
        sum.cacheReadTokens = add(\.cacheReadTokens)
        sum.cacheCreationTokens = add(\.cacheCreationTokens)
        sum.cost = a.cost + b.cost
        sum.unpricedCalls = add(\.unpricedCalls)
        return sum
    }
}

/// Figures over days, out of the rollups.
public final class FigureStore: Sendable {
    /// One agent's figures over some days.
    public struct AgentFigures: Sendable {
        public let id: AgentID
        public let name: String
        public let status: String
        public let total: DaySums
        /// Of the first of the days that had runs; nil when none had.
        public let start: DaySums?
    }

    /// A workspace's figures of some days, summed up in three ways.
    public struct Usage: Sendable {
        public var total = DaySums()
        /// Agents with runs, the dearest first.
        public var agents: [(id: AgentID, name: String, sums: DaySums)] = []
        /// By the model that a run called first; "" for runs without one.
        public var models: [(model: String, sums: DaySums)] = []
        /// By days since 1970, ascending.
        public var days: [(day: Int64, sums: DaySums)] = []
    }

    /// An overflow of `SUM` would be an error; `TOTAL` is exact up to 2^53.
    private static let sumColumns = [
        "runs", "completed", "failed", "cancelled", "duration_ms", "input_tokens", "output_tokens", "cache_read_tokens",
        "cache_creation_tokens", "cost", "unpriced_calls",
    ].map { "CAST(MIN(TOTAL(\($0)), 9e18) AS INTEGER)" }.joined(separator: ", ")

    private let database: any Database
    private let clock: WallClock

    private let pastUsage = PastKeeper<PastUsage>()
    private let pastFleet = PastKeeper<[Int64: AgentSums]>()

    public init(database: any Database, clock: WallClock) {
        self.database = database
        self.clock = clock
    }

    /// Today, in days since 1970.
    public var today: Int64 { clock.now().microseconds / 86_400_000_000 }

    /// Which rows of `agent_days` count; rows of deleted agents stay until they are purged.
    private static func condition(
        workspace: Int64, first: Int64, only agent: Int64?, _ connection: any SQLConnection
    ) throws -> (sql: String, arguments: [SQLValue]) {
        if let agent { return ("agent_key = $1 AND day >= $2", [.int(agent), .int(first)]) }
        let gone = try connection.rows(
            "SELECT key FROM agents WHERE deleted_at IS NOT NULL AND workspace_key = $1", [.int(workspace)]
        ) { String(try $0.requiredInt(0)) }
        let rest = gone.isEmpty ? "" : " AND agent_key NOT IN (\(gone.joined(separator: ", ")))"
        return ("workspace_key = $1 AND day >= $2" + rest, [.int(workspace), .int(first)])
    }

    /// The workspace's agents with their figures of the last `days` days, today included. Days that are over are summed up
    /// once and kept for as long as nothing of them changes.
    public func agents(workspace: Int64, days: Int) async throws -> [AgentFigures] {
        let today = today
        let first = today - Int64(days) + 1
        let (stamp, agents) = try await database.read { connection in
            let agents = try connection.rows(
                """
                SELECT key, id, name, status FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL ORDER BY key
                """, [.int(workspace)]
            ) { row in
                (
                    key: try row.requiredInt(0), id: AgentID(try row.bits(1)), name: try row.requiredText(2),
                    status: try row.requiredText(3)
                )
            }
            return (try Self.stamp(workspace, connection), agents)
        }
        let period = PastPeriod(workspace: workspace, agent: nil, first: first, last: today - 1, stamp: stamp)
        let past = try await pastFleet.value(of: period) {
            try await self.sumsByAgent(workspace: workspace, from: first, through: today - 1)
        }
        let now = try await sumsByAgent(workspace: workspace, from: today, through: today)
        return agents.map { agent in
            let (before, since) = (past[agent.key], now[agent.key])
            return AgentFigures(
                id: agent.id, name: agent.name, status: agent.status,
                total: (before?.total ?? DaySums()) + (since?.total ?? DaySums()), start: before?.start ?? since?.start)
        }
    }

    /// Sums of an agent over some days, and of the first of them that had runs.
    private struct AgentSums: Sendable {
        var total: DaySums
        let start: DaySums
    }

    private func sumsByAgent(
        workspace: Int64, from first: Int64, through last: Int64
    ) async throws -> [Int64: AgentSums] {
        guard first <= last else { return [:] }
        return try await database.read { connection in
            let (condition, arguments) = try Self.condition(workspace: workspace, first: first, only: nil, connection)
            var out: [Int64: AgentSums] = [:]
            try connection.each(
                """
                SELECT agent_key, \(Self.sumColumns) FROM agent_days WHERE \(condition) AND day <= $3
                GROUP BY day, agent_key ORDER BY day, agent_key
                """, arguments + [.int(last)]
            ) { row in
                let (agent, sums) = (try row.requiredInt(0), Self.sums(row, from: 1))
                out[agent] =
                    out[agent].map { AgentSums(total: $0.total + sums, start: $0.start) }
                    ?? AgentSums(total: sums, start: sums)
                return true
            }
            return out
        }
    }

    private static func stamp(_ workspace: Int64, _ connection: any SQLConnection) throws -> Int64 {
        try connection.int("SELECT changes FROM rollup_stamps WHERE workspace_key = $1", [.int(workspace)]) ?? 0
    }

    /// What a workspace, or one of its agents, used in the last `days` days, today included. Days that are over are
    /// summed up once and kept for as long as nothing of them changes.
    public func usage(workspace: Int64, days: Int, only agent: Int64? = nil) async throws -> Usage {
        let today = today
        let first = today - Int64(days) + 1
        let (stamp, names) = try await database.read { connection in
            let names = try connection.rows(
                """
                SELECT key, id, name FROM agents
                WHERE workspace_key = $1 AND deleted_at IS NULL AND ($2 IS NULL OR key = $2) ORDER BY key
                """, [.int(workspace), .optional(agent)]
            ) { (key: try $0.requiredInt(0), id: AgentID(try $0.bits(1)), name: try $0.requiredText(2)) }
            return (try Self.stamp(workspace, connection), names)
        }
        let period = PastPeriod(workspace: workspace, agent: agent, first: first, last: today - 1, stamp: stamp)
        let past = try await pastUsage.value(of: period) {
            try await self.sums(workspace: workspace, agent: agent, from: first, through: today - 1)
        }
        let all = past + (try await sums(workspace: workspace, agent: agent, from: today, through: today))
        var usage = Usage()
        for sums in all.agents.values { usage.total = usage.total + sums }
        usage.agents = names.compactMap { agent in all.agents[agent.key].map { (agent.id, agent.name, $0) } }
            .sorted { $0.2.cost.nanoUSD > $1.2.cost.nanoUSD }
        usage.days = all.days.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        usage.models = all.models.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return usage
    }

    private func sums(
        workspace: Int64, agent: Int64?, from first: Int64, through last: Int64
    ) async throws -> PastUsage {
        guard first <= last else { return PastUsage() }
        @Sendable func rows<Row: Sendable>(
            _ keys: String, _ decode: @escaping @Sendable (any SQLRow) throws -> Row
        ) async throws -> [Row] {
            try await database.read { connection in
                let (condition, arguments) = try Self.condition(
                    workspace: workspace, first: first, only: agent, connection)
                return try connection.rows(
                    "SELECT \(keys), \(Self.sumColumns) FROM agent_days WHERE \(condition) AND day <= $3 GROUP BY \(keys)",
                    arguments + [.int(last)], decode)
            }
        }
        async let byAgent = rows("agent_key") { (try $0.requiredInt(0), Self.sums($0, from: 1)) }
        async let byDayAndModel = rows("day, model") {
            (try $0.requiredInt(0), try $0.requiredText(1), Self.sums($0, from: 2))
        }
        var out = PastUsage()
        for (agent, sums) in try await byAgent { out.agents[agent] = sums }
        for (day, model, sums) in try await byDayAndModel {
            out.days[day, default: DaySums()] = (out.days[day] ?? DaySums()) + sums
            out.models[model, default: DaySums()] = (out.models[model] ?? DaySums()) + sums
        }
        return out
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

/// Sums of some days, by agent's key, by model and by day.
private struct PastUsage: Sendable {
    var agents: [Int64: DaySums] = [:]
    var models: [String: DaySums] = [:]
    var days: [Int64: DaySums] = [:]

    static func + (a: PastUsage, b: PastUsage) -> PastUsage {
        var sum = a
        sum.agents.merge(b.agents) { $0 + $1 }
        sum.models.merge(b.models) { $0 + $1 }
        sum.days.merge(b.days) { $0 + $1 }
        return sum
    }
}
