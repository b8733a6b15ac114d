import AgentOSStore

/// Looks at rules over windows; those that can change as time goes on look again by themselves.
struct AlertEvaluator: Sendable {
    let stores: Stores

    func evaluate(rule: Int64) async throws {
        guard let seconds = try await stores.alerts.evaluate(rule: rule) else { return }
        try await stores.alerts.lookAgain(rule: rule, inSeconds: seconds)
    }
}
