import AgentOSCore

/// A daily budget with what the day has cost so far.
public struct BudgetRecord: Sendable {
    /// Nil: the whole workspace's.
    public let agentID: AgentID?
    /// Nil: there is none.
    public let daily: Money?
    public let spentToday: Money
    public let reserved: Money
    public let createdAt: Timestamp?
    public let updatedAt: Timestamp?
}

/// What hosted runs may cost a day, and what they did. Days are those of UTC.
///
/// A model call reserves its estimate before it is made and settles it afterwards, both inside the transaction that
/// records it, so that calls at the same time cannot spend the same rest and a crash forgets nothing.
public final class BudgetStore: Sendable {
    /// Stands for the whole workspace where an agent's key is due.
    public static let wholeWorkspace: Int64 = 0
    /// Sums stop growing here, far below what 64 bits hold.
    private static let sumBound: Int64 = 4_000_000_000_000_000_000

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// Days since 1970.
    public static func day(of time: Timestamp) -> Int64 {
        let length: Int64 = 86_400_000_000
        let day = time.microseconds / length
        return time.microseconds % length < 0 ? day - 1 : day
    }

    // MARK: - For the control plane

    /// Sets a budget, or removes it.
    /// - Parameter agent: an agent's key; nil: the whole workspace.
    public func set(workspace: Int64, agent: Int64?, daily: Money?) async throws {
        let now = clock.now()
        let agent = agent ?? Self.wholeWorkspace
        try await committer.write(
            audit: .row(
                "budget", in: "budgets", where: "workspace_key = $1 AND agent_key = $2", [.int(workspace), .int(agent)])
        ) { connection in
            guard let daily else {
                try connection.run(
                    "DELETE FROM budgets WHERE workspace_key = $1 AND agent_key = $2", [.int(workspace), .int(agent)])
                return
            }
            try connection.run(
                """
                INSERT INTO budgets (workspace_key, agent_key, daily_limit, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $4)
                ON CONFLICT (workspace_key, agent_key) DO UPDATE SET daily_limit = excluded.daily_limit,
                  updated_at = excluded.updated_at
                """, [.int(workspace), .int(agent), .int(daily.nanoUSD), .time(now)])
        }
    }

    /// The budget of an agent or of the workspace with today's sums, also when none is set.
    public func get(workspace: Int64, agent: Agent? = nil) async throws -> BudgetRecord {
        let key = agent?.key ?? Self.wholeWorkspace
        let day = Self.day(of: clock.now())
        return try await database.read { connection in
            let budget = try connection.row(
                "SELECT daily_limit, created_at, updated_at FROM budgets WHERE workspace_key = $1 AND agent_key = $2",
                [.int(workspace), .int(key)]
            ) { (Money(nanoUSD: try $0.requiredInt(0)), $0.time(1), $0.time(2)) }
            let sums = try Self.sums(workspace, key, day, connection)
            return BudgetRecord(
                agentID: agent?.id, daily: budget?.0, spentToday: sums.spent, reserved: sums.reserved,
                createdAt: budget?.1, updatedAt: budget?.2)
        }
    }

    /// All budgets that are set: the workspace's first, then those of agents, oldest agent first.
    public func list(workspace: Int64, _ page: PageRequest) async throws -> Page<BudgetRecord> {
        let above = try page.key(start: -1)
        let day = Self.day(of: clock.now())
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT a.id, b.daily_limit, COALESCE(s.spent, 0), COALESCE(s.reserved, 0), b.created_at, b.updated_at,
                  b.agent_key
                FROM budgets b LEFT JOIN agents a ON a.key = b.agent_key
                LEFT JOIN spend_days s
                  ON s.workspace_key = b.workspace_key AND s.agent_key = b.agent_key AND s.day = $2
                WHERE b.workspace_key = $1 AND (b.agent_key = 0 OR (a.key IS NOT NULL AND a.deleted_at IS NULL))
                  AND b.agent_key > $3 ORDER BY b.agent_key LIMIT $4
                """, [.int(workspace), .int(day), .int(above)]
            ) { row in
                let budget = BudgetRecord(
                    agentID: row.optionalBits(0).map { AgentID($0) }, daily: Money(nanoUSD: try row.requiredInt(1)),
                    spentToday: Money(nanoUSD: try row.requiredInt(2)),
                    reserved: Money(nanoUSD: try row.requiredInt(3)), createdAt: row.time(4), updatedAt: row.time(5))
                return (budget, ListPlace(.int(try row.requiredInt(6))))
            }
        }
    }

    // MARK: - For the runtime, inside its transactions

    /// Sets money aside for a model call that is about to be made, for its agent and its workspace.
    ///
    /// The last call of a day gets what is left, so that a budget smaller than one estimate can be used at all.
    /// - Returns: how much was set aside; to be given to `settle`. Nothing when there is no budget.
    /// - Throws: PAYMENT_REQUIRED when a budget is used up.
    public static func reserve(
        workspace: Int64, agent: Int64, day: Int64, estimate: Money, _ connection: any SQLConnection
    ) throws -> Money {
        let limits = try connection.rows(
            """
            SELECT agent_key, daily_limit FROM budgets WHERE workspace_key = $1 AND agent_key IN ($2, 0)
            ORDER BY agent_key
            """, [.int(workspace), .int(agent)]
        ) { (agent: try $0.requiredInt(0), limit: Money(nanoUSD: try $0.requiredInt(1))) }
        guard !limits.isEmpty else { return .zero }
        var amount = max(estimate, .zero)
        for (owner, limit) in limits {
            let sums = try sums(workspace, owner, day, connection)
            let used = sums.spent + sums.reserved
            guard used < limit else { throw exhausted(owner, limit: limit, sums.spent, sums.reserved) }
            amount = min(amount, limit - used)
        }
        guard amount > .zero else { return .zero }
        for owner in [wholeWorkspace, agent] {
            try add(workspace, owner, day, spent: .zero, reserved: amount, connection)
        }
        return amount
    }

    /// Gives a reservation back and books what was really spent. Writes nothing when both are zero.
    /// - Parameter day: that of the reservation.
    public static func settle(
        workspace: Int64, agent: Int64, day: Int64, reserved: Money, spent: Money, _ connection: any SQLConnection
    ) throws {
        let (reserved, spent) = (max(reserved, .zero), max(spent, .zero))
        guard reserved > .zero || spent > .zero else { return }
        for owner in [wholeWorkspace, agent] {
            try add(workspace, owner, day, spent: spent, reserved: .zero - reserved, connection)
        }
    }

    private static func add(
        _ workspace: Int64, _ owner: Int64, _ day: Int64, spent: Money, reserved: Money, _ connection: any SQLConnection
    ) throws {
        try connection.run(
            """
            INSERT INTO spend_days (workspace_key, agent_key, day, spent, reserved) VALUES ($1, $2, $3, $4, MAX(0, $5))
            ON CONFLICT (workspace_key, agent_key, day) DO UPDATE SET
              spent = MIN(spend_days.spent + excluded.spent, $6),
              reserved = MIN(MAX(0, spend_days.reserved + $5), $6)
            """,
            [
                .int(workspace), .int(owner), .int(day), .int(min(spent.nanoUSD, sumBound)),
                .int(min(max(reserved.nanoUSD, -sumBound), sumBound)), .int(sumBound),
            ])
    }

    private static func sums(
        _ workspace: Int64, _ owner: Int64, _ day: Int64, _ connection: any SQLConnection
    ) throws -> (spent: Money, reserved: Money) {
        let found = try connection.row(
            "SELECT spent, reserved FROM spend_days WHERE workspace_key = $1 AND agent_key = $2 AND day = $3",
            [.int(workspace), .int(owner), .int(day)]
        ) { (Money(nanoUSD: try $0.requiredInt(0)), Money(nanoUSD: try $0.requiredInt(1))) }
        return found ?? (.zero, .zero)
    }

    private static func exhausted(_ owner: Int64, limit: Money, _ spent: Money, _ reserved: Money) -> AgentOSError {
        let whose = owner == wholeWorkspace ? "workspace" : "agent"
        let others = reserved > .zero ? " and \(dollars(reserved)) is reserved by calls that go on" : ""
        return AgentOSError(
            .paymentRequired,
            "The daily budget of the \(whose) is used up: \(dollars(spent)) of \(dollars(limit)) was spent today"
                + "\(others). It starts anew at midnight UTC.")
    }

    /// `1.25 USD`: at least two decimals, at most as many as there are.
    private static func dollars(_ amount: Money) -> String {
        let nanos = amount.nanoUSD.magnitude
        let digits = Array(String(nanos % 1_000_000_000).utf8)
        var decimals = Array(repeating: UInt8(ascii: "0"), count: 9 - digits.count) + digits
        while decimals.count > 2, decimals.last == UInt8(ascii: "0") { decimals.removeLast() }
        return "\(nanos / 1_000_000_000).\(String(decoding: decimals, as: UTF8.self)) USD"
    }
}
