/// What a model's tokens cost, in US dollars per million, by the four classes of `TokenUsage`.
public struct Price: Sendable, Hashable {
    public let input: Double
    public let output: Double
    public let cacheRead: Double
    public let cacheWrite: Double

    public init(input: Double, output: Double, cacheRead: Double, cacheWrite: Double) {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
    }

    /// What a call cost. Counts below zero are taken for zero.
    public func cost(of usage: TokenUsage) -> Money {
        func part(_ count: Int, _ price: Double) -> Double { Double(max(0, count)) * price }
        let sum =
            part(usage.input, input) + part(usage.output, output) + part(usage.cacheRead, cacheRead)
            + part(usage.cacheCreation, cacheWrite)
        return Money(usd: sum / 1e6)
    }
}
