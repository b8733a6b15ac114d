/// A hosted run as a fold over its journal: `apply` takes in what was committed, `next` says what to do. No I/O, no
/// clock, no randomness: the same journal always leads to the same state.
public struct RunMachine: Sendable {
    /// What the executor has to do next.
    public enum Action: Sendable, Hashable {
        /// `open` is the call that was begun and never answered: a crash cut it off, or its provider failed.
        case callModel(iteration: Int, open: ModelCall?)
        /// Calls of the last reply that can be made, in the reply's order.
        case runTools([PendingCall])
        case requestApprovals([ToolCall])
        case ask(ToolCall)
        /// A person has to say something first.
        case wait(Pause)
        /// The run is over; record this.
        case end(RunOutcome)
        /// Everything is on record.
        case nothing
    }

    public enum Pause: Sendable, Hashable {
        case approval(ApprovalRequest)
        case input(InputRequest)

        public var status: RunStatus {
            switch self {
            case .approval: .awaitingApproval
            case .input: .awaitingInput
            }
        }

        /// Milliseconds from a run's start to the moment at which it asked: the same whenever it is looked at. Requests
        /// that were made together count from the same moment.
        public func milliseconds(after start: Timestamp) -> Int {
            let asked =
                switch self {
                case .approval(let request): request.id.bits.timeOfMaking
                case .input(let request): request.id.bits.timeOfMaking
                }
            return asked.millisecondsSince(start)
        }
    }

    /// A call to be made.
    public struct PendingCall: Sendable, Hashable {
        /// With the arguments that count: a person may have changed them.
        public let call: ToolCall
        /// Recognises the call among all calls of the run.
        public let number: UInt64
        /// It was begun before; whether it took effect is unknown.
        public let wasCalled: Bool
        public let wasEdited: Bool
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
    /// What the run's priced model calls and its child runs cost.
    public private(set) var cost = Money.zero
    public private(set) var outcome: RunOutcome?
    /// The last reply's text, once it asked for no more tools.
    public private(set) var finalText: String?
    /// The model call that waits for its reply.
    public private(set) var openCall: ModelCall?

    private var calls = CallBoard()
    private var output: JSONValue?
    private var failure: RunOutcome?
    private var repairs = 0
    private let outputSchema: JSONSchema?

    /// Begins with the first entry of the journal.
    public init(plan: RunPlan) {
        self.plan = plan
        position = 1
        messages = plan.history
        messages.append(.user(plan.prompt))
        outputSchema = plan.outputSchema.flatMap { try? JSONSchema($0) }
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
        if let failure { return .end(failure) }
        if let output { return .end(.completed(output: output)) }
        if !calls.isEmpty { return calls.next }
        if let openCall { return .callModel(iteration: openCall.iteration, open: openCall) }
        if iterations >= plan.maxIterations {
            return .end(
                .failed(
                    code: .internal,
                    message: "The agent did not finish within its \(plan.maxIterations) model calls (max_iterations).",
                    detail: ["type": "max_iterations", "max_iterations": .int(plan.maxIterations)]))
        }
        return .callModel(iteration: iterations + 1, open: nil)
    }

    /// - Throws: `UnexpectedEntry`
    public mutating func apply(_ entry: JournalEntry) throws {
        guard outcome == nil, try take(entry) else { throw UnexpectedEntry(kind: entry.kind, position: position) }
        position += 1
    }

    /// Something was begun and has no outcome on record: whoever did it was cut off.
    public var wasCutOff: Bool { openCall != nil || !begunCalls.isEmpty }

    /// Ids of tool calls that were begun and have no result, and about which nobody is being asked.
    public var begunCalls: Set<String> { calls.begun }

    /// The open model call's reservation as the store made it.
    public mutating func noteReservation(_ reservation: Reservation?) { openCall?.reservation = reservation }

    private mutating func take(_ entry: JournalEntry) throws -> Bool {
        switch entry {
        case .started: return false
        case .modelCalled(let call):
            // The same iteration again is a call that was cut off and is made anew, perhaps with another model.
            guard calls.isEmpty, output == nil,
                call.iteration == iterations + 1 || call.iteration == openCall?.iteration
            else { return false }
            iterations = call.iteration
            openCall = call
            usage = usage + (call.lost?.usage ?? TokenUsage())
            cost = cost + (call.lost?.cost ?? .zero)
            // Journals of the first version do not say which model was called: it was the plan's.
            if call.model.isEmpty {
                openCall?.model = plan.model
                openCall?.provider = plan.provider
            }
        case .modelReplied(let recorded):
            guard openCall != nil else { return false }
            openCall = nil
            take(recorded)
        case .toolsCalled(let ids): return calls.markCalled(ids)
        case .toolReturned(let result, let spent):
            guard calls.settle(result) else { return false }
            cost = cost + (spent ?? .zero)
            closeCalls()
        case .approvalsRequested(let requests): return calls.request(requests)
        case .approvalDecided(let decision):
            guard let request = calls.decide(decision, rejection: plan.rejection) else { return false }
            if decision.verdict != .approved, plan.rejection == .failsRun {
                failure = Self.failure(decision, of: request)
            }
            closeCalls()
        case .inputRequested(let request): return calls.ask(request)
        case .inputReceived(let id, let text):
            guard calls.answer(id, text) else { return false }
            closeCalls()
        case .inputExpired(let id):
            guard calls.isAsking(id) else { return false }
            failure = .failed(
                code: .timeout, message: "Nobody answered the agent's question in time.",
                detail: ["type": "TIMEOUT", "request_id": .string("\(id)")])
        case .ended(let outcome, _): self.outcome = outcome
        }
        return true
    }

    private mutating func take(_ recorded: RecordedReply) {
        let reply = recorded.reply
        usage = usage + reply.usage
        cost = cost + (recorded.cost ?? .zero)
        messages.append(.assistant(text: reply.text, toolCalls: reply.toolCalls))
        if reply.toolCalls.isEmpty {
            finish(with: reply.text)
        } else {
            calls = CallBoard(recorded, replyPosition: position)
        }
    }

    private mutating func closeCalls() {
        guard let results = calls.results else { return }
        messages.append(.toolResults(results))
        calls = CallBoard()
    }

    // MARK: - The end

    /// A text that breaks the output schema is sent back once with what is wrong.
    private mutating func finish(with text: String) {
        guard let outputSchema else {
            (finalText, output) = (text, Self.output(of: text))
            return
        }
        let value = Self.json(in: text)
        let issues = value.map { outputSchema.issues(in: $0) } ?? []
        if let value, issues.isEmpty {
            (finalText, output) = (text, value)
            return
        }
        let faults =
            value == nil
            ? "it is not JSON"
            : issues.map { $0.path.isEmpty ? $0.message : "\($0.path): \($0.message)" }.joined(separator: "; ")
        if repairs == 0 {
            repairs = 1
            messages.append(
                .user(
                    "Your answer does not satisfy the required JSON Schema: \(faults). "
                        + "Answer again with nothing but the corrected JSON."))
        } else {
            failure = .failed(
                code: .internal, message: "The agent's output does not satisfy its output_schema: \(faults).",
                detail: [
                    "type": "output_schema",
                    "errors": .array(issues.map { ["path": .string($0.path), "message": .string($0.message)] }),
                ])
        }
    }

    private static func failure(_ decision: ApprovalDecision, of request: ApprovalRequest) -> RunOutcome {
        let message =
            decision.verdict == .expired
            ? "Approval expired" : decision.note.flatMap { $0.isEmpty ? nil : $0 } ?? "Approval rejected"
        return .failed(
            code: .internal, message: message,
            detail: [
                "type": .string("approval_" + decision.verdict.rawValue), "approval_id": .string("\(request.id)"),
                "tool": .string(request.tool), "decision_note": .optional(decision.note),
            ])
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

    /// JSON, bare or inside one fenced block, as models like to give it.
    private static func json(in text: String) -> JSONValue? {
        if let value = try? JSONParser.parse(text) { return value }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
        guard let first = lines.first, first.hasPrefix("```"), let last = lines.last, last.hasPrefix("```"),
            lines.count > 2
        else { return nil }
        return try? JSONParser.parse(lines.dropFirst().dropLast().joined(separator: "\n"))
    }
}
