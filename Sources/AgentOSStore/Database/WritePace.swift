/// How much is written, over the last moments.
struct WritePace {
    /// Bytes a second that mean much ingest: about 40,000 events.
    static let busy = 10e6
    private static let window: UInt64 = 250_000_000

    private var start: UInt64 = 0
    private var bytes = 0
    private var last = 0.0

    /// - Parameter now: nanoseconds of the monotonic clock.
    mutating func add(_ count: Int, at now: UInt64) {
        let passed = now &- start
        if passed >= Self.window {
            last = passed < 2 * Self.window ? Double(bytes) / (Double(passed) / 1e9) : 0
            (start, bytes) = (now, 0)
        }
        bytes += count
    }

    func bytesPerSecond(at now: UInt64) -> Double {
        let passed = now &- start
        if passed >= 2 * Self.window { return 0 }
        return max(last, Double(bytes) / (Double(max(passed, Self.window)) / 1e9))
    }
}
