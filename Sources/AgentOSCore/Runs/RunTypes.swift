/// The states of a run. The last three are final.
public enum RunStatus: String, Sendable, CaseIterable {
    case running
    case awaitingApproval = "awaiting_approval"
    case awaitingInput = "awaiting_input"
    case completed, failed, cancelled

    public var isTerminal: Bool {
        switch self {
        case .completed, .failed, .cancelled: true
        case .running, .awaitingApproval, .awaitingInput: false
        }
    }
}

public enum TriggerType: String, Sendable, CaseIterable {
    case manual, scheduled, webhook, sdk
    /// Set by the platform alone: a run started by another run.
    case agent
}

public enum EventLevel: UInt8, Sendable, CaseIterable {
    case debug, info, warn, error

    public var word: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warn: "warn"
        case .error: "error"
        }
    }
}

public enum TaskStatus: String, Sendable, CaseIterable {
    case pending, running, completed, failed, skipped

    public var isTerminal: Bool { self != .pending && self != .running }
}

/// Token counts that a caller gives with the end of a run; each may be absent.
public struct GivenUsage: Sendable, Hashable {
    public var input: Int?
    public var output: Int?
    public var cacheRead: Int?
    public var cacheCreation: Int?

    public init(input: Int? = nil, output: Int? = nil, cacheRead: Int? = nil, cacheCreation: Int? = nil) {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheCreation = cacheCreation
    }

    public var isEmpty: Bool { input == nil && output == nil && cacheRead == nil && cacheCreation == nil }
}

/// Where tokens were counted, in the order of their authority (contract 3.6).
public struct TokenSums: Sendable, Hashable {
    public var given: GivenUsage?
    /// Sum over the run's `llm` spans that carry tokens, and how many those are.
    public var spans = TokenUsage()
    public var spanCount = 0
    /// Sum over its `llm.response` events.
    public var responses = TokenUsage()
    public var responseCount = 0
    /// What the priced ones of them cost, and how many those are.
    public var spanCost = Money.zero
    public var spanPriced = 0
    public var responseCost = Money.zero
    public var responsePriced = 0
    /// What the counts given at the run's end cost; nil when their model is unknown or has no price.
    public var givenCost: Money?

    public init() {}

    /// The run's cost by the same authority as its tokens; nil when nothing of it has a known price.
    public var effectiveCost: Money? {
        if let givenCost { return givenCost }
        if spanCount > 0 { return spanPriced > 0 ? spanCost : nil }
        return responsePriced > 0 ? responseCost : nil
    }

    /// Model calls without a known price.
    public var unpricedCount: Int {
        if givenCost != nil { return 0 }
        return spanCount > 0 ? spanCount - spanPriced : responseCount - responsePriced
    }

    /// The run's token columns: the counts given at its end, else its spans', else its responses'.
    public var effective: GivenUsage {
        if let given, !given.isEmpty { return given }
        let sum = spanCount > 0 ? spans : responses
        guard spanCount > 0 || responseCount > 0 else { return GivenUsage() }
        return GivenUsage(
            input: sum.input, output: sum.output, cacheRead: sum.cacheRead, cacheCreation: sum.cacheCreation)
    }
}
