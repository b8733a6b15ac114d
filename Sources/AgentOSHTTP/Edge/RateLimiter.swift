import AgentOSCore
import Synchronization

/// Token buckets: the burst is a minute's worth, and what was used comes back evenly over a minute.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    /// What a caller is told.
    struct Verdict: Sendable {
        let allowed: Bool
        let limit: Int
        let remaining: Int
        /// Seconds until the bucket is full again.
        let reset: Int
        /// Seconds until a request passes.
        let retryAfter: Int
    }

    private struct Bucket {
        var tokens: Double
        var at: UInt64
    }

    private static var keyBound: Int { 100_000 }

    private let limit: Int
    private let buckets = Mutex<[Key: Bucket]>([:])

    /// - Parameter perMinute: 0 switches the limit off.
    init(perMinute limit: Int) { self.limit = limit }

    /// Takes a token if there is one. Nil: the limit is off.
    func take(_ key: Key) -> Verdict? {
        guard limit > 0 else { return nil }
        let now = monotonicNanoseconds()
        let capacity = Double(limit)
        return buckets.withLock { buckets in
            var bucket = buckets[key] ?? Bucket(tokens: capacity, at: now)
            bucket.tokens = min(capacity, bucket.tokens + Double(now &- bucket.at) / 60e9 * capacity)
            bucket.at = now
            let allowed = bucket.tokens >= 1
            if allowed { bucket.tokens -= 1 }
            if buckets.count >= Self.keyBound, buckets[key] == nil { Self.forgetFull(&buckets, capacity, now) }
            buckets[key] = bucket
            return Verdict(
                allowed: allowed, limit: limit, remaining: Int(bucket.tokens),
                reset: Int(((capacity - bucket.tokens) / capacity * 60).rounded(.up)),
                retryAfter: max(1, Int(((1 - bucket.tokens) / capacity * 60).rounded(.up))))
        }
    }

    /// A bucket that is full again says no more than a missing one.
    private static func forgetFull(_ buckets: inout [Key: Bucket], _ capacity: Double, _ now: UInt64) {
        buckets = buckets.filter { $0.value.tokens + Double(now &- $0.value.at) / 60e9 * capacity < capacity }
        if buckets.count >= keyBound { buckets.removeAll() }
    }
}
