import AgentOSCore
import Synchronization

/// Tries a model call again when that can help: at most two further times, never once text was passed on, and never
/// earlier than the provider asks for.
public struct RetryingProvider: ModelProvider {
    public static let maximumRepeats = 2
    /// The longest wait that is waited, in seconds. A provider that asks for more is not called again.
    public static let maximumDelaySeconds = 30.0

    private let base: any ModelProvider
    private let jitter: @Sendable () -> Double
    private let sleep: @Sendable (Double) async throws -> Void

    /// - Parameters:
    ///   - jitter: a factor for waits of our own choosing, 0.8 to 1.2.
    ///   - sleep: waits that many seconds; throws when the task is cancelled.
    public init(
        _ base: any ModelProvider, jitter: @escaping @Sendable () -> Double = { Double.random(in: 0.8...1.2) },
        sleep: @escaping @Sendable (Double) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }
    ) {
        self.base = base
        self.jitter = jitter
        self.sleep = sleep
    }

    public func reply(
        to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
    ) async throws -> ModelReply {
        let delivered = Delivered()
        var repeats = 0
        // What the tries that failed used is part of what the call used.
        var lost = TokenUsage()
        while true {
            do {
                var reply = try await base.reply(to: request) { pieces in
                    delivered.set()
                    onText(pieces)
                }
                reply.usage = reply.usage + lost
                return reply
            } catch let error as ProviderError {
                guard repeats < min(Self.maximumRepeats, error.repeats), !delivered.isSet,
                    error.retryAfter ?? 0 <= Self.maximumDelaySeconds
                else { throw error.counting(lost) }
                lost = lost + (error.usage ?? TokenUsage())
                try Task.checkCancellation()
                try await sleep(delay(after: error, repeats: repeats))
                repeats += 1
            }
        }
    }

    private func delay(after error: ProviderError, repeats: Int) -> Double {
        if let asked = error.retryAfter { return max(0, asked) }
        return (repeats == 0 ? 0.5 : 1) * jitter()
    }

    private final class Delivered: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .relaxed) }
        func set() { flag.store(true, ordering: .relaxed) }
    }
}
