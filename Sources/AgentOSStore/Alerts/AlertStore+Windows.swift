import AgentOSCore

extension AlertStore {
    /// Looks at a rule over a window: fires when its condition came true, arms it again when it is false.
    /// - Returns: when to look again, in seconds; nil: when the next run ends.
    public func evaluate(rule key: Int64) async throws -> Double? {
        guard let rule = try await rule(key: key), rule.isActive else { return nil }
        let now = clock.now()
        let minutes = rule.number("window_minutes") ?? 60
        let since = now.advanced(bySeconds: -minutes * 60)
        let reason: String?
        switch rule.conditionType {
        case "error_rate_exceeded": reason = try await errorRate(rule, since: since)
        case "cost_exceeded": reason = try await cost(rule, since: since)
        case "budget_near": reason = try await budget(rule, at: now)
        case "no_runs":
            let last = try await lastRun(rule)
            let quiet = max(last ?? rule.createdAt, rule.createdAt)
            reason = quiet < since ? "No run has completed for \(Int(minutes)) minutes." : nil
        default: return nil
        }
        try await settle(rule, reason, now: now)
        return rule.conditionType == "no_runs" ? 60 : nil
    }

    private func settle(_ rule: AlertRule, _ reason: String?, now: Timestamp) async throws {
        guard let reason else {
            if rule.breachedAt != nil {
                try await committer.write { connection in
                    try connection.run("UPDATE alert_rules SET breached_at = NULL WHERE key = $1", [.int(rule.key)])
                }
            }
            return
        }
        guard rule.breachedAt == nil else { return }
        if let last = rule.lastTriggeredAt, now < last.advanced(bySeconds: Self.quietSeconds) { return }
        try await committer.write { connection in
            // Somebody may have been here meanwhile.
            let open = try connection.int(
                "SELECT 1 FROM alert_rules WHERE key = $1 AND breached_at IS NULL AND active = 1", [.int(rule.key)])
            guard open != nil else { return }
            try Self.fire(rule, agent: rule.agentKey, run: nil, reason: reason, now: now, connection)
        }
    }

    /// The agents a rule watches.
    private static func agents(_ rule: AlertRule, _ connection: any SQLConnection) throws -> [Int64] {
        if let agent = rule.agentKey { return [agent] }
        return try connection.rows(
            "SELECT key FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL", [.int(rule.workspaceKey)]
        ) { try $0.requiredInt(0) }
    }

    private func errorRate(_ rule: AlertRule, since: Timestamp) async throws -> String? {
        guard let threshold = rule.number("threshold_pct") else { return nil }
        let runs = rule.number("window_runs").map { Int64($0) }
        let (all, failed) = try await database.read { connection -> (Int64, Int64) in
            var (all, failed) = (Int64(0), Int64(0))
            for agent in try Self.agents(rule, connection) {
                let found = try connection.row(
                    """
                    SELECT COUNT(*), COALESCE(SUM(status = 'failed'), 0) FROM (
                      SELECT status FROM runs
                      WHERE agent_key = $1 AND completed_at IS NOT NULL AND is_test = 0 AND completed_at >= $2
                      ORDER BY completed_at DESC LIMIT $3)
                    """, [.int(agent), runs == nil ? .time(since) : .int(0), .int(runs ?? 100_000)]
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

    private func cost(_ rule: AlertRule, since: Timestamp) async throws -> String? {
        guard let threshold = rule.number("threshold_usd") else { return nil }
        let nano = try await database.read { connection in
            try Self.agents(rule, connection).reduce(Int64(0)) { sum, agent in
                sum
                    + (try connection.int(
                        """
                        SELECT COALESCE(SUM(CASE WHEN c.span_count > 0 THEN c.span_cost ELSE c.response_cost END), 0)
                        FROM runs r JOIN run_counters c ON c.run_key = r.key
                        WHERE r.agent_key = $1 AND r.completed_at IS NOT NULL AND r.is_test = 0 AND r.completed_at >= $2
                        """, [.int(agent), .time(since)]) ?? 0)
            }
        }
        let usd = Money(nanoUSD: nano).usd
        return usd > threshold ? "Runs cost \(usd) US dollars, more than \(threshold)." : nil
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
