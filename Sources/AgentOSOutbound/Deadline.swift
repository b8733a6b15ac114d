import AsyncHTTPClient
import NIOCore

/// When an exchange with somebody else must be over.
struct Deadline: Sendable {
    private let seconds: Double
    private let end: NIODeadline

    init(seconds: Double) {
        self.seconds = seconds.isFinite ? min(max(seconds, 0), 86_400) : 86_400
        end = .now() + .nanoseconds(Int64(self.seconds * 1e9))
    }

    var error: OutboundError { OutboundError(.timeout, "No complete answer within \(Int(seconds.rounded(.up))) s.") }

    /// Ends a request when the time is up, unless what is returned is cancelled before.
    func end(_ task: HTTPClient.Task<Void>) -> Scheduled<Void> {
        task.eventLoop.scheduleTask(deadline: end) { task.fail(reason: HTTPClientError.deadlineExceeded) }
    }

    /// Runs `body`; when the time is up it is cancelled and the call throws `OutboundError` of kind `timeout`.
    func bound<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let left = end - .now()
        return try await withThrowingTaskGroup(of: T.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .nanoseconds(max(0, left.nanoseconds)))
                throw error
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}
