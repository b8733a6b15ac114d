import AgentOSCore

/// Looks at rules as runs end. What needs a window is left to a job of the rule, so that a run's end stays quick.
struct AlertWatcher: RunChangeListener {
    func changed(_ change: RunChange, _ connection: any SQLConnection) throws {
        guard case .ended(let status) = change.kind, !change.run.isTest else { return }
        let run = change.run
        for rule in try AlertStore.watching(workspace: run.workspaceKey, agent: run.agentKey, connection) {
            switch rule.conditionType {
            case "run_failed":
                guard status == .failed else { continue }
                let message =
                    try connection.row("SELECT error_message FROM runs WHERE key = $1", [.int(run.key)]) {
                        $0.text(0)
                    } ?? nil
                try AlertStore.fire(
                    rule, agent: run.agentKey, run: run, reason: "A run failed: \(message ?? "without a message").",
                    now: change.at, connection)
            case "run_duration_exceeded":
                guard let threshold = rule.number("threshold_ms"),
                    let took = try connection.int("SELECT duration_ms FROM runs WHERE key = $1", [.int(run.key)]),
                    Double(took) > threshold
                else { continue }
                try AlertStore.fire(
                    rule, agent: run.agentKey, run: run,
                    reason: "A run took \(took) ms, more than \(Int(max(0, threshold))) ms.",
                    now: change.at, connection)
            case "error_rate_exceeded", "cost_exceeded", "budget_near":
                try AlertStore.arm(rule.key, at: change.at, now: change.at, connection)
            default: continue
            }
        }
    }
}
