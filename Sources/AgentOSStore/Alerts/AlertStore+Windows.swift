import AgentOSCore

extension AlertStore {
    /// Kinds of conditions that are true or false of a stretch of time, not of one run.
    static let overWindows: Set<String> = ["error_rate_exceeded", "cost_exceeded", "budget_near", "no_runs"]
    /// A rule whose window slides is looked at no more often than this.
    private static let lookSeconds = 60.0

    /// What a look at a rule found.
    private struct Finding {
        /// Why the condition is true; nil when it is not.
        var reason: String?
        /// When it can stop being true by itself, as time goes on; nil: only by another run.
        var changesAt: Timestamp?
    }

    /// Looks at a rule over a window: fires when its condition came true, arms it again when it is false.
    /// - Returns: when to look again, in seconds; nil: when the next run ends.
    public func evaluate(rule key: Int64) async throws -> Double? {
        guard var rule = try await rule(key: key), rule.isActive else { return nil }
        let now = clock.now()
        // An imported rule was not checked as a new one is.
        let minutes = min(max(rule.number("window_minutes") ?? 60, 1), 525_600)
        let since = now.advanced(bySeconds: -minutes * 60)
        var finding = Finding()
        switch rule.conditionType {
        case "error_rate_exceeded": finding.reason = try await errorRate(rule, since: since)
        case "cost_exceeded": finding.reason = try await cost(rule, since: since)
        case "budget_near":
            finding.reason = try await budget(rule, at: now)
            finding.changesAt = Timestamp(microseconds: (BudgetStore.day(of: now) + 1) * 86_400_000_000)
        case "no_runs":
            let last = try await lastRun(rule)
            let quiet = max(last ?? rule.createdAt, rule.createdAt)
            if let breached = rule.breachedAt, quiet > breached {
                // The condition was false meanwhile, whether anybody looked then or not.
                try await rearm(rule)
                rule.breachedAt = nil
            }
            finding.reason = quiet < since ? "No run has completed for \(Int(minutes)) minutes." : nil
        default: return nil
        }
        if finding.reason != nil, ["error_rate_exceeded", "cost_exceeded"].contains(rule.conditionType),
            rule.number("window_runs") == nil
        {
            // Then the window lets go of its oldest run.
            finding.changesAt = try await oldestRun(rule, since: since)?.advanced(bySeconds: minutes * 60 + 1)
        }
        let wait = try await settle(rule, finding, now: now)
        return rule.conditionType == "no_runs" ? Self.lookSeconds : wait
    }

    /// Has a rule looked at again, unless that comes sooner anyway: a run may have ended while it was looked at.
    public func lookAgain(rule key: Int64, inSeconds seconds: Double) async throws {
        let now = clock.now()
        let time = now.advanced(bySeconds: seconds)
        try await committer.write { connection in
            let isWatched = try connection.int(
                "SELECT 1 FROM alert_rules WHERE key = $1 AND active = 1", [.int(key)])
            let isSooner = try connection.int(
                """
                SELECT 1 FROM jobs WHERE kind = $1 AND name = $2 AND lease_until IS NULL AND parked_at IS NULL
                  AND run_at <= $3
                """, [.text(Self.evaluateJob), .text(String(key)), .time(time)])
            guard isWatched != nil, isSooner == nil else { return }
            try Self.arm(key, at: time, now: now, connection)
        }
    }

    /// - Returns: when to look again, in seconds; nil: when the next run ends.
    private func settle(_ rule: AlertRule, _ finding: Finding, now: Timestamp) async throws -> Double? {
        func seconds(until time: Timestamp) -> Double { Double(time.microseconds - now.microseconds) / 1e6 }
        guard let reason = finding.reason else {
            if rule.breachedAt != nil { try await rearm(rule) }
            return nil
        }
        if rule.breachedAt == nil {
            let quietUntil = rule.lastTriggeredAt?.advanced(bySeconds: Self.quietSeconds)
            if let quietUntil, now < quietUntil { return min(seconds(until: quietUntil), Self.quietSeconds) }
            try await committer.write { connection in
                // Somebody may have been here meanwhile.
                let open = try connection.int(
                    "SELECT 1 FROM alert_rules WHERE key = $1 AND breached_at IS NULL AND active = 1",
                    [.int(rule.key)])
                guard open != nil else { return }
                try Self.fire(rule, agent: rule.agentKey, run: nil, reason: reason, now: now, connection)
            }
        }
        return finding.changesAt.map { max(seconds(until: $0), Self.lookSeconds) }
    }

    /// Has a rule that fired fire again when its condition comes true.
    private func rearm(_ rule: AlertRule) async throws {
        try await committer.write { connection in
            _ = try connection.run(
                "UPDATE alert_rules SET breached_at = NULL WHERE key = $1 AND breached_at = $2",
                [.int(rule.key), .time(rule.breachedAt)])
        }
    }

    /// The agents a rule watches.
    private static func agents(_ rule: AlertRule, _ connection: any SQLConnection) throws -> [Int64] {
        if let agent = rule.agentKey { return [agent] }
        return try connection.rows(
            "SELECT key FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL", [.int(rule.workspaceKey)]
        ) { try $0.requiredInt(0) }
    }

    /// Runs that were cancelled count neither way.
    private func errorRate(_ rule: AlertRule, since: Timestamp) async throws -> String? {
        guard let threshold = rule.number("threshold_pct") else { return nil }
        let runs = rule.number("window_runs").map { Int(min(max($0, 1), 10_000)) }
        let (all, failed) = try await database.read { connection -> (Int64, Int64) in
            let agents = try Self.agents(rule, connection)
            if let runs { return try Self.latest(runs, of: agents, connection) }
            var (all, failed) = (Int64(0), Int64(0))
            for agent in agents {
                let found = try connection.row(
                    """
                    SELECT COUNT(*), COALESCE(SUM(status = 'failed'), 0) FROM (
                      SELECT status FROM runs
                      WHERE agent_key = $1 AND completed_at IS NOT NULL AND is_test = 0 AND completed_at >= $2
                        AND status <> 'cancelled'
                      ORDER BY completed_at DESC LIMIT 100000)
                    """, [.int(agent), .time(since)]
                ) { (try $0.requiredInt(0), try $0.requiredInt(1)) }
                all += found?.0 ?? 0
                failed += found?.1 ?? 0
            }
            return (all, failed)
        }
        guard all > 0 else { return nil }
        let share = Double(failed) * 100 / Double(all)
        return share > threshold ? "\(failed) of \(all) runs failed, more than \(threshold) %." : nil
    }

    /// How many of the latest runs of all these agents together there are, and how many of them failed.
    private static func latest(
        _ count: Int, of agents: [Int64], _ connection: any SQLConnection
    ) throws -> (all: Int64, failed: Int64) {
        var found: [(at: Int64, failed: Bool)] = []
        // What is older than so many runs that were found already does not count, whosever it is.
        var oldest: Int64 = 0
        for agent in agents {
            found += try connection.rows(
                """
                SELECT completed_at, status = 'failed' FROM runs
                WHERE agent_key = $1 AND completed_at IS NOT NULL AND is_test = 0 AND completed_at >= $2
                  AND status <> 'cancelled'
                ORDER BY completed_at DESC LIMIT $3
                """, [.int(agent), .int(oldest), .int(Int64(count))]
            ) { (at: try $0.requiredInt(0), failed: $0.int(1) == 1) }
            guard found.count >= count else { continue }
            found.sort { $0.at > $1.at }
            found.removeLast(found.count - count)
            oldest = found.last?.at ?? oldest
        }
        return (Int64(found.count), Int64(found.count { $0.failed }))
    }

    private func cost(_ rule: AlertRule, since: Timestamp) async throws -> String? {
        guard let threshold = rule.number("threshold_usd") else { return nil }
        // In floating point: what others report may be more than an integer holds.
        let nano = try await database.read { connection -> Double in
            try Self.agents(rule, connection).reduce(0.0) { sum, agent in
                let spent = try connection.row(
                    """
                    SELECT TOTAL(\(RunFigures.cost)) FROM runs r JOIN run_counters c ON c.run_key = r.key
                    WHERE r.agent_key = $1 AND r.completed_at IS NOT NULL AND r.is_test = 0 AND r.completed_at >= $2
                    """, [.int(agent), .time(since)]
                ) { $0.double(0) ?? 0 }
                return sum + (spent ?? 0)
            }
        }
        let usd = nano / 1e9
        return usd > threshold ? "Runs cost \(usd) US dollars, more than \(threshold)." : nil
    }

    /// The end of the first run that a window still holds.
    private func oldestRun(_ rule: AlertRule, since: Timestamp) async throws -> Timestamp? {
        try await database.read { connection in
            try Self.agents(rule, connection).compactMap { agent in
                try connection.int(
                    """
                    SELECT MIN(completed_at) FROM runs
                    WHERE agent_key = $1 AND completed_at IS NOT NULL AND is_test = 0 AND completed_at >= $2
                    """, [.int(agent), .time(since)])
            }.min().map(Timestamp.init(microseconds:))
        }
    }

    /// Of the agent's budget, or of the workspace's when the rule is of no agent. A new day has spent nothing, which arms
    /// the rule again.
    private func budget(_ rule: AlertRule, at now: Timestamp) async throws -> String? {
        guard let threshold = rule.number("threshold_pct") else { return nil }
        let day = BudgetStore.day(of: now)
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT b.daily_limit, COALESCE(s.spent, 0) FROM budgets b LEFT JOIN spend_days s
                  ON s.workspace_key = b.workspace_key AND s.agent_key = b.agent_key AND s.day = $3
                WHERE b.workspace_key = $1 AND b.agent_key = $2
                """, [.int(rule.workspaceKey), .int(rule.agentKey ?? 0), .int(day)]
            ) { (Money(nanoUSD: try $0.requiredInt(0)), Money(nanoUSD: try $0.requiredInt(1))) }
        }
        guard let (limit, spent) = found, limit > .zero, spent.usd * 100 >= limit.usd * threshold else { return nil }
        return "\(spent.usd) of \(limit.usd) US dollars of the daily budget are spent, at least \(threshold) %."
    }

    private func lastRun(_ rule: AlertRule) async throws -> Timestamp? {
        try await database.read { connection in
            try Self.agents(rule, connection).compactMap { agent in
                try connection.int(
                    """
                    SELECT MAX(completed_at) FROM runs
                    WHERE agent_key = $1 AND completed_at IS NOT NULL AND is_test = 0
                    """, [.int(agent)])
            }.max().map(Timestamp.init(microseconds:))
        }
    }
}
