/// How many jobs of a kind may be begun under a rate. They are let go some at a time, since looking for them costs too.
struct JobAllowance {
    /// Seconds whose jobs are begun together.
    private static let beat = 0.025

    private var left = 0.0
    private var since: UInt64 = 0

    /// - Parameters:
    ///   - rate: jobs a second; infinite for no limit.
    ///   - now: nanoseconds of the monotonic clock.
    /// - Returns: how many, and when there are none the seconds until there are.
    mutating func allowed(_ rate: Double, at now: UInt64) -> (jobs: Int, wait: Double) {
        guard rate.isFinite else {
            (left, since) = (0, now)
            return (.max, .infinity)
        }
        let batch = max(1, rate * Self.beat)
        // What was not used is not saved up; the first look begins with nothing.
        let passed = since == 0 ? 0 : Double(now &- since) / 1e9
        left = min(left + passed * rate, 2 * batch)
        since = now
        return left >= batch ? (Int(left), .infinity) : (0, (batch - left) / rate)
    }

    mutating func take() { left -= 1 }
}
