/// A hosted run as a fold over its journal: `apply` takes in what was committed, `next` says what to do. No I/O, no
/// clock, no randomness: the same journal always leads to the same state.
public struct RunMachine: Sendable {
    /// What the executor has to do next.
    public enum Action: Sendable, Hashable {
        case callModel(iteration: Int)
        /// Calls of the last reply that have no result yet, in the reply's order.
        case runTools([ToolCall])
        /// The run is over; record this.
        case end(RunOutcome)
        /// Everything is on record.
        case nothing
    }

    /// An entry that cannot follow the ones before it: the journal is damaged or another node wrote to it.
    public struct UnexpectedEntry: Error, Sendable {
        public let kind: String
        public let position: Int
    }

    public let plan: RunPlan
    /// How many entries were folded in; the position of the next one.
    public private(set) var position: Int
    /// The conversation so far, ready to be sent to a model.
    public private(set) var messages: [ModelMessage]
    /// Model calls begun.
    public private(set) var iterations = 0
    public private(set) var usage = TokenUsage()
    public private(set) var outcome: RunOutcome?

    private var modelCallOpen = false
    /// The last reply's text, once it asked for no more tools.
    public private(set) var finalText: String?
    private var calls: [ToolCall] = []
    private var results: [String: ToolResult] = [:]

    /// Begins with the first entry of the journal.
    public init(plan: RunPlan) {
        self.plan = plan
        position = 1
        messages = plan.history
        messages.append(.user(plan.prompt))
    }

    /// Folds a whole journal.
    /// - Throws: `UnexpectedEntry`
    public init(journal: [JournalEntry]) throws {
        guard case .started(let plan)? = journal.first else {
            throw UnexpectedEntry(kind: journal.first?.kind ?? "nothing", position: 0)
        }
        self.init(plan: plan)
        for entry in journal.dropFirst() { try apply(entry) }
    }

    public var next: Action {
        if outcome != nil { return .nothing }
        if let finalText { return .end(.completed(output: Self.output(of: finalText))) }
        if !calls.isEmpty { return .runTools(calls.filter { results[$0.id] == nil }) }
        if modelCallOpen { return .callModel(iteration: iterations) }
        if iterations >= plan.maxIterations {
            return .end(
                .failed(
                    code: .internal,
                    message: "The agent did not finish within its \(plan.maxIterations) model calls (max_iterations).",
                    detail: ["type": "max_iterations", "max_iterations": .int(plan.maxIterations)]))
        }
        return .callModel(iteration: iterations + 1)
    }

    /// - Throws: `UnexpectedEntry`
    public mutating func apply(_ entry: JournalEntry) throws {
        guard outcome == nil else { throw UnexpectedEntry(kind: entry.kind, position: position) }
        switch entry {
        case .started:
            throw UnexpectedEntry(kind: entry.kind, position: position)
        case .modelCalled(let iteration):
            // The same iteration again is a call that a crash cut off and that is made anew.
            guard calls.isEmpty, finalText == nil, iteration == iterations + 1 || (modelCallOpen && iteration == iterations)
            else { throw UnexpectedEntry(kind: entry.kind, position: position) }
            iterations = iteration
            modelCallOpen = true
        case .modelReplied(let reply):
            guard modelCallOpen else { throw UnexpectedEntry(kind: entry.kind, position: position) }
            modelCallOpen = false
            usage = usage + reply.usage
            messages.append(.assistant(text: reply.text, toolCalls: reply.toolCalls))
            calls = reply.toolCalls
            results = [:]
            if calls.isEmpty { finalText = reply.text }
        case .toolsCalled:
            guard !calls.isEmpty else { throw UnexpectedEntry(kind: entry.kind, position: position) }
        case .toolReturned(let result):
            guard calls.contains(where: { $0.id == result.callID }), results[result.callID] == nil else {
                throw UnexpectedEntry(kind: entry.kind, position: position)
            }
            results[result.callID] = result
            if results.count == calls.count {
                messages.append(.toolResults(calls.compactMap { results[$0.id] }))
                calls = []
            }
        case .ended(let outcome):
            self.outcome = outcome
        }
        position += 1
    }

    /// A final text that is a JSON object is the output itself; any other text is wrapped.
    public static func output(of text: String) -> JSONValue {
        if text.utf8.first(where: { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }) == UInt8(ascii: "{"),
            let value = try? JSONParser.parse(text), value.objectValue != nil
        {
            return value
        }
        return ["text": .string(text)]
    }
}
