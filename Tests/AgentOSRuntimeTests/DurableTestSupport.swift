import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

/// `probe`: takes note of its calls, holds them at a gate if there is one, and says what it was given.
final class ProbeTool: Tool {
    struct Call: Sendable {
        let text: String
        let key: UUIDBits
    }

    let definition = ToolDefinition(
        name: "probe", description: "Does something.",
        inputSchema: [
            "type": "object",
            "properties": ["text": ["type": "string"], "count": ["type": "integer", "minimum": 1]],
            "required": ["text"],
        ])
    let writes = true
    let requiresApproval: Bool
    private let policy: UnknownOutcome
    private let gate: FakeGate?
    private let seen = Collected<Call>()

    init(requiresApproval: Bool = false, policy: UnknownOutcome = .report, gate: FakeGate? = nil) {
        self.requiresApproval = requiresApproval
        self.policy = policy
        self.gate = gate
    }

    var calls: [Call] { seen.all }
    var texts: [String] { calls.map(\.text) }

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome { policy }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let text = arguments["text"]?.stringValue ?? ""
        seen.add(Call(text: text, key: context.idempotencyKey))
        try await gate?.wait()
        return "did \(text)"
    }
}

extension FakeStep {
    /// Calls of `probe`, one for each text.
    static func probe(_ texts: String...) -> FakeStep {
        .calls(texts.map { FakeCall(name: "probe", arguments: #"{"text": "\#($0)"}"#) })
    }

    static func ask(_ question: String) -> FakeStep { .tools(("ask_human", ["question": .string(question)])) }
}

extension TestRuntime {
    /// A run whose model calls tools and pauses.
    func pausedRun(
        of agent: Agent, _ change: (inout InvokeRequest) -> Void = { _ in }
    ) async throws -> (ref: RunRef, pause: RunMachine.Pause, conversation: ConversationID?) {
        let live = try await say("go", to: agent, change)
        return (live.ref, try #require(await live.result().pause), live.conversation)
    }

    func pendingApprovals() async throws -> [ApprovalRecord] {
        try await store.approvals.pending(workspace: store.workspace.ref.key, agent: nil, PageRequest(limit: 100)).items
    }

    @discardableResult
    func decide(_ id: ApprovalID, _ verdict: Runtime.Verdict) async throws -> RunRef {
        try await runtime.decide(id, workspace: store.workspace.ref, verdict)
    }

    func approve(_ id: ApprovalID) async throws { try await decide(id, .init(isApproved: true)) }

    func result(of ref: RunRef) async throws -> RunResult { try await runtime.outcome(of: ref).result }

    func detail(of ref: RunRef) async throws -> RunDetail {
        try await store.runs.detail(ref.id, workspace: ref.workspaceKey)
    }

    func types(of ref: RunRef) async throws -> [String] { try await store.events(ref).map(\.json).types }

    /// Turns the clock and has what is due then done.
    func later(_ seconds: Double) {
        store.clock.advance(bySeconds: seconds)
        store.queue.wake()
    }
}

extension RunResult {
    var pause: RunMachine.Pause? {
        if case .paused(let pause, _) = self { pause } else { nil }
    }

    var text: String? { output?["text"]?.stringValue }
}

extension RunMachine.Pause {
    var approvalID: ApprovalID? {
        if case .approval(let request) = self { request.id } else { nil }
    }

    var question: InputRequest? {
        if case .input(let request) = self { request } else { nil }
    }
}

extension AgentOSError {
    /// The field that is wrong.
    var path: String? { details.first?.path }
}

extension InvokeFrame {
    var chunk: String? {
        if case .chunk(let text) = self { text } else { nil }
    }

    var isCall: Bool {
        if case .tool(.calling, _) = self { true } else { false }
    }

    var approvalID: ApprovalID? {
        if case .awaitingApproval(_, let id, _, _) = self { id } else { nil }
    }

    var question: InputRequest? {
        if case .awaitingInput(_, let request, _, _) = self { request } else { nil }
    }

    var isDone: Bool {
        if case .done = self { true } else { false }
    }

    var failure: AgentOSError.Frame? {
        if case .error(let error) = self { error } else { nil }
    }
}

extension [RunFrame] {
    var frames: [InvokeFrame] { map(\.frame) }

    /// Whether every frame has a place and the places follow each other.
    var areInOrder: Bool {
        let ids = compactMap(\.id)
        return ids.count == count && zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }
    }
}
