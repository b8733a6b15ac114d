#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where the time comes from. Passed down from the composition root so that tests can turn it by hand.
public struct WallClock: Sendable {
    public let now: @Sendable () -> Timestamp

    public init(now: @escaping @Sendable () -> Timestamp) { self.now = now }

    /// The machine's clock, moved by `offsetSeconds` (used to rehearse what happens at another date).
    public static func system(offsetSeconds: Int = 0) -> WallClock {
        let offset = Int64(offsetSeconds) * 1_000_000
        return WallClock {
            var spec = timespec()
            clock_gettime(CLOCK_REALTIME, &spec)
            return Timestamp(microseconds: Int64(spec.tv_sec) * 1_000_000 + Int64(spec.tv_nsec) / 1000 + offset)
        }
    }
}

/// Nanoseconds of a clock that never steps: for durations and timeouts.
public func monotonicNanoseconds() -> UInt64 {
    var spec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &spec)
    return UInt64(spec.tv_sec) * 1_000_000_000 + UInt64(spec.tv_nsec)
}
