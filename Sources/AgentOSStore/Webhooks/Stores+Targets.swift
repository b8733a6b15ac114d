/// Where a delivery goes, as it is stored.
struct DeliveryTarget: Sendable {
    let url: String
    /// What it is signed with, under the vault's key.
    let sealed: [UInt8]
    let context: String
}

extension Stores {
    /// A delivery that is still to be made, where it goes and what it is signed with; no target when the receiver is
    /// gone or disabled.
    public func pendingDelivery(
        _ key: Int64
    ) async throws -> (delivery: Delivery, target: (url: String, secret: String)?)? {
        let found = try await looks.read { connection -> (Delivery, DeliveryTarget?)? in
            guard let delivery = try DeliveryStore.pending(key, connection) else { return nil }
            let hook = try delivery.hookKey.flatMap { try WebhookStore.target(hook: $0, connection) }
            let rule = try delivery.ruleKey.flatMap { try AlertStore.target(rule: $0, connection) }
            return (delivery, hook ?? rule)
        }
        guard let (delivery, target) = found else { return nil }
        return (delivery, try target.map { ($0.url, try vault.open($0.sealed, context: $0.context)) })
    }
}
