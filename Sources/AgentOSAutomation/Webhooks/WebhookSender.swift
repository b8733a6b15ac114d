import AgentOSCore
import AgentOSOutbound
import AgentOSStore

/// Makes deliveries: any 2xx is success, redirects are not followed, a failing one is tried again later.
final class WebhookSender: Sendable {
    private static let timeoutSeconds = 10.0

    private let stores: Stores
    private let outbound: OutboundClient
    private let waits: [Double]
    private let receivers = ReceiverGate()

    /// - Parameter waits: seconds before the second try, the third, and so on.
    init(stores: Stores, outbound: OutboundClient, waits: [Double]) {
        self.stores = stores
        self.outbound = outbound
        self.waits = waits
    }

    /// Makes the delivery of a job and settles the job with what came of it.
    /// - Throws: what the store throws; `CancellationError` when the server stops meanwhile.
    func deliver(_ key: Int64, for job: Job) async throws {
        guard let (delivery, target) = try await stores.pendingDelivery(key) else {
            return try await stores.queue.done(job)
        }
        guard let (url, secret) = target else { return try await stores.deliveries.drop(delivery, settling: job) }
        if delivery.isBehind { return try await stores.deliveries.queueUp(delivery) }
        let receiver = Self.receiver(of: url)
        if case .later(let seconds) = await receivers.enter(receiver, bytes: delivery.body.count) {
            return try await stores.deliveries.putOff(delivery, seconds: seconds)
        }
        let began = monotonicNanoseconds()
        defer { receivers.leave(receiver, seconds: Double(monotonicNanoseconds() &- began) / 1e9) }
        let attempt = try await send(delivery, to: url, secret: secret)
        let wait = delivery.attempts < waits.count ? waits[delivery.attempts] : nil
        try await stores.deliveries.record(attempt, of: delivery, retryIn: wait, settling: job)
    }

    private static func receiver(of url: String) -> String {
        url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(separator: "/")
            .lowercased()
    }

    private func send(_ delivery: Delivery, to url: String, secret: String) async throws -> DeliveryStore.Attempt {
        let start = monotonicNanoseconds()
        func elapsed() -> Int { Int((monotonicNanoseconds() &- start) / 1_000_000) }
        var request = OutboundRequest(
            method: "POST", url: url,
            headers: WebhookSigner.headers(
                body: delivery.body, event: delivery.event, delivery: "\(delivery.id)", secret: secret,
                now: stores.clock.now()), body: delivery.body, timeoutSeconds: Self.timeoutSeconds)
        request.maxRedirects = 0
        request.keepsConnection = true
        request.maxResponseBytes = 1024
        // Any 2xx is success, whatever becomes of what the receiver says besides.
        request.needsOnlyHead = true
        do {
            let answer = try await outbound.send(request)
            let isDelivered = (200..<300).contains(answer.status)
            return .init(
                isDelivered: isDelivered, status: answer.status,
                error: isDelivered ? nil : "The receiver answered \(answer.status).", latencyMilliseconds: elapsed(),
                responseHead: String(decoding: answer.body.prefix(1024), as: UTF8.self))
        } catch let error as CancellationError {
            // Nobody knows whether it arrived; it is sent again when the server runs again.
            throw error
        } catch {
            let message = (error as? OutboundError)?.message ?? "The delivery was cut off."
            return .init(isDelivered: false, error: message, latencyMilliseconds: elapsed())
        }
    }
}
