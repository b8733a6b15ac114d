/// How a run ended.
public enum RunOutcome: Sendable, Hashable {
    /// `output` is a JSON object, or whatever the agent's output schema asks for.
    case completed(output: JSONValue)
    case failed(code: ErrorCode, message: String, detail: JSONValue?)
    case cancelled(reason: String?)

    public var status: RunStatus {
        switch self {
        case .completed: .completed
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }
}

/// Money set aside before a model call, on a UTC day (counted from 1970).
public struct Reservation: Sendable, Hashable {
    public var amount: Money
    public var day: Int64

    public init(amount: Money, day: Int64) {
        self.amount = amount
        self.day = day
    }
}

/// What a model call used that brought no reply: it was declined, or broke off. Providers charge for it.
public struct LostReply: Sendable, Hashable {
    public var usage: TokenUsage
    /// Nil when the model has no known price.
    public var cost: Money?

    public init(usage: TokenUsage, cost: Money?) {
        self.usage = usage
        self.cost = cost
    }
}

/// A model call about to be made.
public struct ModelCall: Sendable, Hashable {
    /// Counted from 1 over the run.
    public var iteration: Int
    public var model: String
    public var provider: ProviderType
    public var reservation: Reservation?
    /// What the call used whose place this one takes.
    public var lost: LostReply?

    public init(iteration: Int, model: String, provider: ProviderType, reservation: Reservation? = nil) {
        self.iteration = iteration
        self.model = model
        self.provider = provider
        self.reservation = reservation
    }
}

/// A model's reply with what the runtime found out about it.
public struct RecordedReply: Sendable, Hashable {
    public var reply: ModelReply
    /// UTF-8 lengths of the pieces in which the text was passed on; empty when it came whole.
    public var pieces: [Int]
    /// Ids of the calls that need a person's yes, and of those that a person answers.
    public var gated: [String]
    public var questions: [String]
    /// Nil when the model has no known price.
    public var cost: Money?

    public init(
        _ reply: ModelReply, pieces: [Int] = [], gated: [String] = [], questions: [String] = [], cost: Money? = nil
    ) {
        self.reply = reply
        self.pieces = pieces
        self.gated = gated
        self.questions = questions
        self.cost = cost
    }
}

/// The text of a model call that came to no reply, as far as it was passed on.
public struct UnfinishedText: Sendable, Hashable {
    public var text: String
    /// UTF-8 lengths of the pieces in which it was passed on; empty when it came whole.
    public var pieces: [Int]

    public init(text: String, pieces: [Int]) {
        self.text = text
        self.pieces = pieces
    }

    /// Nil when nothing was passed on.
    public init?(_ pieces: [String]) {
        guard !pieces.isEmpty else { return nil }
        self.init(text: pieces.joined(), pieces: pieces.count > 1 ? pieces.map(\.utf8.count) : [])
    }
}

/// A tool call that waits for a person's yes.
public struct ApprovalRequest: Sendable, Hashable {
    public var id: ApprovalID
    public var callID: String
    public var tool: String
    public var input: JSONValue
    public var expiresAt: Timestamp

    public init(id: ApprovalID, callID: String, tool: String, input: JSONValue, expiresAt: Timestamp) {
        self.id = id
        self.callID = callID
        self.tool = tool
        self.input = input
        self.expiresAt = expiresAt
    }
}

public enum ApprovalVerdict: String, Sendable, CaseIterable {
    case approved, rejected, expired
}

/// What a person, or the clock, said to an approval request.
public struct ApprovalDecision: Sendable, Hashable {
    public var id: ApprovalID
    public var verdict: ApprovalVerdict
    public var note: String?
    /// Arguments that replace the model's.
    public var arguments: JSONObject?
    public var decidedBy: String?

    public init(
        id: ApprovalID, verdict: ApprovalVerdict, note: String? = nil, arguments: JSONObject? = nil,
        decidedBy: String? = nil
    ) {
        self.id = id
        self.verdict = verdict
        self.note = note
        self.arguments = arguments
        self.decidedBy = decidedBy
    }
}

/// A question of a hosted run to a person.
public struct InputRequest: Sendable, Hashable {
    public var id: HumanRequestID
    public var callID: String
    public var question: String
    public var options: [String]
    public var context: JSONObject?
    /// Asked by the server about a call of which nobody knows whether it took effect.
    public var isAboutOutcome: Bool
    public var expiresAt: Timestamp

    public init(
        id: HumanRequestID, callID: String, question: String, options: [String] = [], context: JSONObject? = nil,
        isAboutOutcome: Bool = false, expiresAt: Timestamp
    ) {
        self.id = id
        self.callID = callID
        self.question = question
        self.options = options
        self.context = context
        self.isAboutOutcome = isAboutOutcome
        self.expiresAt = expiresAt
    }
}

/// One fact of a hosted run, committed before anything is built on it.
public enum JournalEntry: Sendable, Hashable {
    case started(RunPlan)
    /// A model call is about to be made: the intent.
    case modelCalled(ModelCall)
    case modelReplied(RecordedReply)
    /// Tool calls are about to be made: the intent, before any effect.
    case toolsCalled(callIDs: [String])
    /// `cost`: what a child run spent.
    case toolReturned(ToolResult, cost: Money?)
    case approvalsRequested([ApprovalRequest])
    case approvalDecided(ApprovalDecision)
    case inputRequested(InputRequest)
    case inputReceived(HumanRequestID, String)
    case inputExpired(HumanRequestID)
    /// `unfinished`: of a model call that was open when the run ended.
    case ended(RunOutcome, unfinished: UnfinishedText? = nil)

    /// The word in `run_steps.kind`.
    public var kind: String {
        switch self {
        case .started: "started"
        case .modelCalled: "model_called"
        case .modelReplied: "model_replied"
        case .toolsCalled: "tools_called"
        case .toolReturned: "tool_returned"
        case .approvalsRequested: "approvals_requested"
        case .approvalDecided: "approval_decided"
        case .inputRequested: "input_requested"
        case .inputReceived: "input_received"
        case .inputExpired: "input_expired"
        case .ended: "ended"
        }
    }
}
