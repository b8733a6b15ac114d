import AgentOSCore
import Synchronization

/// Claims due jobs and hands each to the handler of its kind. Sleeps until the next one is due.
///
/// Each kind has places of its own: slow work of one kind takes none from the others.
public final class JobDispatcher: Sendable {
    public typealias Handler = @Sendable (Job) async throws -> Void

    /// How often and how long a kind is tried, and how much of it at a time.
    public struct Policy: Sendable {
        public var attempts: Int
        /// Jobs of the kind that are worked on at once.
        public var places: Int
        /// Seconds before the second try; doubled with each further one, up to `longest`.
        public var first: Double
        public var longest: Double
        /// Jobs of the kind that are begun a second while the server has very much to write; nil for no limit.
        public var rateWhenBusy: Double?

        public init(
            attempts: Int = 12, first: Double = 1, longest: Double = 300, places: Int = 32, rateWhenBusy: Double? = nil
        ) {
            self.attempts = attempts
            self.places = places
            self.rateWhenBusy = rateWhenBusy
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

    /// Looks at the queue at least this often, whatever the clocks say.
    private static let longestSleep = 5.0
    /// Nanoseconds between two claims.
    private static let shortestPause: UInt64 = 4_000_000

    private let queue: JobQueue
    private let clock: WallClock
    private let handlers = Mutex<[String: (handler: Handler, policy: Policy)]>([:])
    /// How many of each kind are worked on.
    private let busy = Mutex<[String: Int]>([:])
    private let allowances = Mutex<[String: JobAllowance]>([:])
    private let isBusy: @Sendable () -> Bool
    private let failed: @Sendable (Job, any Error) -> Void

    /// - Parameters:
    ///   - isBusy: whether kinds with a `rateWhenBusy` are to keep to it; by default whether very much is being written.
    ///   - failed: told of each failed try.
    public init(
        queue: JobQueue, clock: WallClock, isBusy: (@Sendable () -> Bool)? = nil,
        failed: @escaping @Sendable (Job, any Error) -> Void = { _, _ in }
    ) {
        self.queue = queue
        self.isBusy = isBusy ?? { queue.committer.isBusy }
        self.clock = clock
        self.failed = failed
    }

    /// - Parameter handler: the job is done when it returns, and tried again when it throws.
    public func register(_ kind: String, policy: Policy = Policy(), _ handler: @escaping Handler) {
        registerSettling(kind, policy: policy) { [queue] job in
            try await handler(job)
            try await queue.done(job)
        }
    }

    /// - Parameter handler: settles its job itself, in the transaction of what came of it: by `JobQueue.settle`, or by
    ///   enqueuing it again. What throws is tried again.
    public func registerSettling(_ kind: String, policy: Policy = Policy(), _ handler: @escaping Handler) {
        handlers.withLock { $0[kind] = (handler, policy) }
    }

    /// How many jobs of each kind can be taken now; kinds of which none can are left out.
    /// - Returns: also the seconds until one that its rate holds back can be.
    private func freePlaces() -> (free: [String: Int], wait: Double) {
        let policies = handlers.withLock { $0.mapValues(\.policy) }
        var free = busy.withLock { busy in
            policies.reduce(into: [String: Int]()) { free, kind in
                let left = kind.value.places - (busy[kind.key] ?? 0)
                if left > 0 { free[kind.key] = left }
            }
        }
        var wait = Double.infinity
        let isBusy = isBusy()
        for (kind, left) in free {
            guard let rate = policies[kind]?.rateWhenBusy else { continue }
            let (allowed, seconds) = allowances.withLock {
                $0[kind, default: JobAllowance()].allowed(isBusy ? rate : .infinity, at: monotonicNanoseconds())
            }
            free[kind] = allowed > 0 ? min(left, allowed) : nil
            wait = min(wait, seconds)
        }
        return (free, wait)
    }

    /// - Returns: whether a kind that was full has a place again.
    private func leave(_ kind: String) -> Bool {
        let places = handlers.withLock { $0[kind]?.policy.places }
        return busy.withLock { busy in
            let before = busy[kind] ?? 0
            busy[kind] = before - 1
            return before == places
        }
    }

    /// Works until the task is cancelled, and with it what was begun: it is finished, or given back as if it had not
    /// been claimed.
    public func run() async {
        let known = handlers.withLock { $0.keys.sorted() }
        try? await queue.park(allBut: known)
        await withDiscardingTaskGroup { group in
            var lastClaim: UInt64 = 0
            while !Task.isCancelled {
                let listener = queue.listen()
                let (free, wait) = freePlaces()
                var sleep = min(Self.longestSleep, wait)
                if !free.isEmpty, let due = try? await queue.nextDue(free.keys.sorted()) {
                    sleep = min(sleep, Double(due.microseconds - clock.now().microseconds) / 1e6)
                }
                guard sleep <= 0 else {
                    await queue.waitForWork(listener, seconds: sleep)
                    continue
                }
                queue.stop(listener)
                lastClaim = await pause(since: lastClaim)
                guard let jobs = try? await queue.claim(free) else {
                    // The store cannot be written now.
                    try? await Task.sleep(for: .seconds(1))
                    continue
                }
                busy.withLock { busy in
                    for job in jobs { busy[job.kind, default: 0] += 1 }
                }
                allowances.withLock { allowances in
                    for job in jobs { allowances[job.kind]?.take() }
                }
                for job in jobs {
                    group.addTask {
                        await self.work(job)
                        if self.leave(job.kind) { self.queue.wake() }
                    }
                }
            }
        }
    }

    /// Lets a moment pass between two claims: places that become free one by one are filled together.
    /// - Returns: the time.
    private func pause(since last: UInt64) async -> UInt64 {
        let passed = monotonicNanoseconds() &- last
        if passed < Self.shortestPause {
            try? await Task.sleep(for: .nanoseconds(Self.shortestPause - passed))
        }
        return monotonicNanoseconds()
    }

    private func work(_ job: Job) async {
        let known = handlers.withLock { $0[job.kind] }
        do {
            guard let known else {
                throw AgentOSError(.internal, "This version knows no jobs of the kind \(job.kind).")
            }
            try await known.handler(job)
        } catch  where Task.isCancelled {
            // It was not the job that failed: the server stops.
            try? await queue.giveBack(job)
        } catch {
            failed(job, error)
            let message = (error as? AgentOSError)?.message ?? "\(error)"
            try? await queue.failed(
                job, error: message, retryIn: (known?.policy ?? Policy()).delay(after: job.attempts))
        }
    }
}
