import AgentOSCore
import AgentOSStore

/// Looks at rules over windows; those that watch for silence look again by themselves.
struct AlertEvaluator: Sendable {
    let stores: Stores

    func evaluate(rule: Int64) async throws {
        guard let seconds = try await stores.alerts.evaluate(rule: rule) else { return }
        let now = stores.clock.now()
        try await stores.committer.write { connection in
            try JobQueue.enqueue(
                AlertStore.evaluateJob, name: String(rule), at: now.advanced(bySeconds: seconds),
                payload: ["rule": .int(Int(rule))], now: now, connection)
        }
    }
}
