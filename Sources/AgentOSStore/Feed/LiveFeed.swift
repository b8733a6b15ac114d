import AgentOSCore
import DequeModule
import Synchronization

/// Tells watchers what was committed: only where to look, never the events themselves. Watchers read the store.
public final class LiveFeed: Sendable {
    /// Events of a run that are on the disk now.
    public struct Item: Sendable, Hashable {
        public let run: RunRef
        public let first: Int64
        public let count: Int

        public init(run: RunRef, first: Int64, count: Int) {
            self.run = run
            self.first = first
            self.count = count
        }
    }

    public struct Filter: Sendable {
        public var workspaceKey: Int64
        public var agentKey: Int64?
        public var runKey: Int64?

        public init(workspaceKey: Int64, agentKey: Int64? = nil, runKey: Int64? = nil) {
            self.workspaceKey = workspaceKey
            self.agentKey = agentKey
            self.runKey = runKey
        }

        func matches(_ run: RunRef) -> Bool {
            run.workspaceKey == workspaceKey && agentKey.map { $0 == run.agentKey } ?? true
                && runKey.map { $0 == run.key } ?? true
        }
    }

    /// What a watcher gets.
    public enum Signal: Sendable, Hashable {
        case committed(Item)
        /// The watcher was too slow and missed some items.
        case gap
        /// Nothing happened for a while, or the feed is closed.
        case quiet
    }

    /// One watcher. Holds a bounded number of items; beyond it, a gap.
    public final class Subscription: Sendable {
        private struct State {
            var items = Deque<Item>()
            var missed = false
            /// Woken while nobody waited.
            var isWoken = false
            var waiting: CheckedContinuation<Void, Never>?
        }

        private static let bound = 1024

        fileprivate let filter: Filter
        private let state = Mutex(State())

        fileprivate init(_ filter: Filter) { self.filter = filter }

        fileprivate func offer(_ item: Item) {
            let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
                if state.items.count >= Self.bound { state.missed = true } else { state.items.append(item) }
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }

        /// Ends the wait for a signal, or the next one, with `quiet`.
        public func wake() {
            let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
                defer { state.waiting = nil }
                if state.waiting == nil { state.isWoken = true }
                return state.waiting
            }
            waiting?.resume()
        }

        private func stopWaiting() {
            let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }

        /// The next signal; `quiet` after the given time without one.
        public func next(seconds: Double) async -> Signal {
            if let ready = take() { return ready }
            await waitAtMost(seconds: seconds) { await self.wait() }
            return take() ?? .quiet
        }

        private func take() -> Signal? {
            state.withLock { state in
                if let item = state.items.popFirst() { return .committed(item) }
                guard state.missed else { return nil }
                state.missed = false
                return .gap
            }
        }

        private func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let ready = state.withLock { state -> Bool in
                        if !state.items.isEmpty || state.missed || state.isWoken || Task.isCancelled {
                            state.isWoken = false
                            return true
                        }
                        state.waiting = continuation
                        return false
                    }
                    if ready { continuation.resume() }
                }
            } onCancel: {
                stopWaiting()
            }
        }
    }

    private let subscriptions = Mutex<[ObjectIdentifier: Subscription]>([:])
    private let closed = Mutex(false)

    public init() {}

    public var count: Int { subscriptions.withLock { $0.count } }
    public var isClosed: Bool { closed.withLock { $0 } }

    public func subscribe(_ filter: Filter) -> Subscription {
        let subscription = Subscription(filter)
        subscriptions.withLock { $0[ObjectIdentifier(subscription)] = subscription }
        return subscription
    }

    public func unsubscribe(_ subscription: Subscription) {
        subscriptions.withLock { $0[ObjectIdentifier(subscription)] = nil }
    }

    /// Called after the commit.
    public func publish(_ item: Item) {
        let watchers = subscriptions.withLock { all -> [Subscription] in
            all.isEmpty ? [] : all.values.filter { $0.filter.matches(item.run) }
        }
        for watcher in watchers { watcher.offer(item) }
    }

    /// Wakes every watcher: the server is stopping.
    public func close() {
        closed.withLock { $0 = true }
        for watcher in subscriptions.withLock({ Array($0.values) }) { watcher.wake() }
    }
}
