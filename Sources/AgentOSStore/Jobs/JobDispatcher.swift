import AgentOSCore
import Synchronization

/// Claims due jobs and hands each to the handler of its kind, so many at a time. Sleeps until the next one is due.
public final class JobDispatcher: Sendable {
    public typealias Handler = @Sendable (Job) async throws -> Void

    /// How often and how long a kind is tried.
    public struct Policy: Sendable {
        public var attempts: Int
        /// Seconds before the second try; doubled with each further one, up to `longest`.
        public var first: Double
        public var longest: Double

        public init(attempts: Int = 12, first: Double = 1, longest: Double = 300) {
            self.attempts = attempts
            self.first = first
            self.longest = longest
        }

        /// Seconds until the next try with jitter; nil when there is none.
        func delay(after attempts: Int) -> Double? {
            guard attempts < self.attempts else { return nil }
            var wait = first
            for _ in 1..<max(attempts, 1) where wait < longest { wait *= 2 }
            return min(wait, longest) * Double.random(in: 0.8...1.2)
        }
    }

    private static let concurrency = 64
    /// Looks at the queue at least this often, whatever the clocks say.
    private static let longestSleep = 5.0

    private let queue: JobQueue
    private let clock: WallClock
    private let handlers = Mutex<[String: (handler: Handler, policy: Policy)]>([:])
    private let busy = Mutex(0)
    private let failed: @Sendable (Job, any Error) -> Void

    /// - Parameter failed: told of each failed try.
    public init(queue: JobQueue, clock: WallClock, failed: @escaping @Sendable (Job, any Error) -> Void = { _, _ in }) {
        self.queue = queue
        self.clock = clock
        self.failed = failed
    }

    public func register(_ kind: String, policy: Policy = Policy(), _ handler: @escaping Handler) {
        handlers.withLock { $0[kind] = (handler, policy) }
    }

    /// Works until the task is cancelled; what was begun is finished.
    public func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let listener = queue.listen()
                let free = Self.concurrency - busy.withLock { $0 }
                var sleep = Self.longestSleep
                if free > 0, let due = try? await queue.nextDue() {
                    sleep = min(sleep, Double(due.microseconds - clock.now().microseconds) / 1e6)
                }
                guard sleep <= 0 else {
                    await queue.waitForWork(listener, seconds: sleep)
                    continue
                }
                queue.stop(listener)
                guard let jobs = try? await queue.claim(limit: free) else {
                    // The store cannot be written now.
                    try? await Task.sleep(for: .seconds(1))
                    continue
                }
                busy.withLock { $0 += jobs.count }
                for job in jobs {
                    group.addTask {
                        await self.work(job)
                        let wasFull = self.busy.withLock { busy -> Bool in
                            busy -= 1
                            return busy + 1 == Self.concurrency
                        }
                        if wasFull { self.queue.wake() }
                    }
                }
            }
        }
    }

    private func work(_ job: Job) async {
        let known = handlers.withLock { $0[job.kind] }
        do {
            guard let known else {
                throw AgentOSError(.internal, "This version knows no jobs of the kind \(job.kind).")
            }
            try await known.handler(job)
            try await queue.done(job)
        } catch {
            failed(job, error)
            let message = (error as? AgentOSError)?.message ?? "\(error)"
            try? await queue.failed(
                job, error: message, retryIn: (known?.policy ?? Policy()).delay(after: job.attempts))
        }
    }
}
