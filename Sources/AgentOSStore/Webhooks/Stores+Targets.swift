extension Stores {
    /// Where a delivery goes and what it is signed with; nil when the receiver is gone.
    public func target(of delivery: Delivery) async throws -> (url: String, secret: String)? {
        if let hook = delivery.hookKey { return try await webhooks.target(hook: hook) }
        if let rule = delivery.ruleKey { return try await alerts.target(rule: rule) }
        return nil
    }
}
