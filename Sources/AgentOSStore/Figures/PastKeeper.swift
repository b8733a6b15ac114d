import Synchronization

/// Days that are over, as figures are asked for.
struct PastPeriod: Hashable, Sendable {
    var workspace: Int64
    var agent: Int64?
    /// Days since 1970.
    var first: Int64
    var last: Int64
    /// Of the workspace's past when it was summed up: another one says that something of it changed.
    var stamp: Int64
}

/// What was summed up of days that are over, kept while nothing of them changes.
final class PastKeeper<Value: Sendable>: Sendable {
    private static var bound: Int { 200 }

    private let kept = Mutex<[PastPeriod: Value]>([:])

    func value(of period: PastPeriod, _ make: () async throws -> Value) async rethrows -> Value {
        if let known = kept.withLock({ $0[period] }) { return known }
        let made = try await make()
        kept.withLock { kept in
            // One state of a workspace at a time, and few of them.
            kept = kept.filter {
                $0.key.workspace != period.workspace
                    || $0.key.stamp == period.stamp && $0.key.last == period.last
            }
            if kept.count >= Self.bound { kept.removeAll() }
            kept[period] = made
        }
        return made
    }
}
