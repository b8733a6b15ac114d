extension Migration {
    /// Automation: schedules, webhooks, alerts, reports, evals.
    static let automation = Migration(version: 4, name: "automation") { d in
        scheduleTables(d) + webhookTables(d) + alertTables(d) + reportTables(d) + evalTables(d)
    }
}
