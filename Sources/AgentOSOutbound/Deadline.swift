/// A bound on the time of a piece of work.
enum Deadline {
    /// Runs `body`; after `seconds` it is cancelled and the call throws `OutboundError` of kind `timeout`.
    static func run<T: Sendable>(
        seconds: Double, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: T.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .seconds(clamped(seconds)))
                throw timeout(seconds)
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }

    /// Seconds that every clock can count.
    static func clamped(_ seconds: Double) -> Double { seconds.isFinite ? min(max(seconds, 0), 86_400) : 86_400 }

    static func timeout(_ seconds: Double) -> OutboundError {
        OutboundError(.timeout, "No complete answer within \(Int(clamped(seconds).rounded(.up))) s.")
    }
}
