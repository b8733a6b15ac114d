import AgentOSCore

/// How calls that are safe to repeat are repeated: after a network failure, a 5xx or a 429, five times, with waits
/// that double from a quarter of a second, each spread by a fifth so that clients do not march in step.
struct Retry: Sendable {
    static let most = 5
    private static let first = 0.25
    private static let longestRequested = 60.0
    /// Reading on where a stream broke off is tried for about a minute: so long may a server's restart take.
    static let mostReconnects = 15
    static let longestReconnectWait = 5.0

    /// Seconds to wait before attempt `attempt` (the first repeat is 1), or nil when there shall be none.
    /// - Parameter spread: a random number in -1...1
    static func wait(
        before attempt: Int, after error: any Error, spread: Double, most: Int = most, longest: Double = .infinity
    ) -> Double? {
        guard attempt >= 1, attempt <= most, isTransient(error) else { return nil }
        if let error = error as? AgentOSError, error.code == .rateLimited, let asked = error.retryAfter {
            return min(Double(max(0, asked)), longestRequested)
        }
        var wait = first
        for _ in 1..<attempt { wait *= 2 }
        return min(wait, longest) * (1 + 0.2 * spread)
    }

    /// Whether the same call may succeed later. Everything else is refused for good.
    static func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as AgentOSError: error.code == .rateLimited || error.code.status >= 500
        case let error as ConnectionError:
            switch error.kind {
            case .configuration: false
            case .unreachable, .interrupted: true
            case .unexpectedAnswer: (error.status ?? 0) >= 500
            }
        default: false
        }
    }

    /// Runs `body` until it succeeds or may not be repeated. Cancelling the task ends the wait.
    static func run<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        var attempt = 1
        while true {
            do {
                return try await body()
            } catch {
                guard let seconds = wait(before: attempt, after: error, spread: .random(in: -1...1)) else {
                    throw error
                }
                try await Task.sleep(for: .seconds(seconds))
                attempt += 1
            }
        }
    }
}
