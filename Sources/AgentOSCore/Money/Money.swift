/// An amount of US dollars, counted in billionths.
public struct Money: Sendable, Hashable, Comparable {
    public var nanoUSD: Int64

    public static let zero = Money(nanoUSD: 0)

    public init(nanoUSD: Int64) { self.nanoUSD = nanoUSD }

    /// Rounds to the next billionth. What does not fit becomes the largest amount, what is no number becomes zero.
    public init(usd: Double) {
        let nanos = (usd * 1e9).rounded()
        nanoUSD = nanos.isNaN ? 0 : nanos >= 9e18 ? Int64.max : nanos <= -9e18 ? -Int64.max : Int64(nanos)
    }

    public var usd: Double { Double(nanoUSD) / 1e9 }

    public static func < (a: Money, b: Money) -> Bool { a.nanoUSD < b.nanoUSD }

    /// Sums that would overflow stay at the largest amount.
    public static func + (a: Money, b: Money) -> Money {
        let (sum, overflow) = a.nanoUSD.addingReportingOverflow(b.nanoUSD)
        return Money(nanoUSD: overflow ? (a.nanoUSD < 0 ? -Int64.max : Int64.max) : sum)
    }

    public static func - (a: Money, b: Money) -> Money { a + Money(nanoUSD: b.nanoUSD == .min ? .max : -b.nanoUSD) }
}
