/// Everything a hosted run needs to know of its agent and its caller, fixed when the run begins. The first entry of
/// its journal.
public struct RunPlan: Sendable, Hashable {
    /// What becomes of a run when a person says no to a call.
    public enum Rejection: String, Sendable, CaseIterable {
        case failsRun = "fail"
        /// The model is told and goes on.
        case toldToModel = "tool_error"
    }

    /// The run that this one repeats from a step on.
    public struct Origin: Sendable, Hashable {
        public var run: RunID
        /// The first step that was made anew; counted from 1 over model and tool calls.
        public var step: Int

        public init(run: RunID, step: Int) {
            self.run = run
            self.step = step
        }
    }

    public var agentName: String
    public var provider: ProviderType
    public var model: String
    /// Tried in order when the model's provider is down.
    public var fallbackModels: [String] = []
    /// The system prompt with its variables filled in.
    public var system: String
    public var history: [ModelMessage]
    /// The user turn as the model reads it.
    public var prompt: String
    public var tools: [String]
    /// Tools whose calls wait for a person's yes.
    public var approvalTools: [String] = []
    public var rejection = Rejection.failsRun
    public var temperature: Double?
    public var maxTokens: Int
    public var maxIterations: Int
    public var maxCost: Money?
    public var outputSchema: JSONValue?
    public var isTest: Bool
    /// 1 for a run from outside, one more for each `invoke_agent` above it.
    public var depth = 1
    /// The agents above this run and its own, outermost first.
    public var lineage: [AgentID] = []
    public var origin: Origin?

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
