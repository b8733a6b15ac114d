/// Everything a hosted run needs to know of its agent and its caller, fixed when the run begins. The first entry of
/// its journal.
public struct RunPlan: Sendable, Hashable {
    public var agentName: String
    public var provider: ProviderType
    public var model: String
    /// The system prompt with its variables filled in.
    public var system: String
    public var history: [ModelMessage]
    /// The user turn as the model reads it.
    public var prompt: String
    public var tools: [String]
    public var temperature: Double?
    public var maxTokens: Int
    public var maxIterations: Int
    public var isTest: Bool

    public init(
        agentName: String, provider: ProviderType, model: String, system: String, history: [ModelMessage],
        prompt: String, tools: [String], temperature: Double?, maxTokens: Int, maxIterations: Int, isTest: Bool
    ) {
        self.agentName = agentName
        self.provider = provider
        self.model = model
        self.system = system
        self.history = history
        self.prompt = prompt
        self.tools = tools
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.maxIterations = maxIterations
        self.isTest = isTest
    }
}

/// How a run ended.
public enum RunOutcome: Sendable, Hashable {
    /// `output` is a JSON object.
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

/// One fact of a hosted run, committed before anything is built on it.
public enum JournalEntry: Sendable, Hashable {
    case started(RunPlan)
    /// A model call is about to be made: the intent.
    case modelCalled(iteration: Int)
    case modelReplied(ModelReply)
    /// Tool calls are about to be made: the intent, before any effect.
    case toolsCalled(callIDs: [String])
    case toolReturned(ToolResult)
    case ended(RunOutcome)

    /// The word in `run_steps.kind`.
    public var kind: String {
        switch self {
        case .started: "started"
        case .modelCalled: "model_called"
        case .modelReplied: "model_replied"
        case .toolsCalled: "tools_called"
        case .toolReturned: "tool_returned"
        case .ended: "ended"
        }
    }
}
