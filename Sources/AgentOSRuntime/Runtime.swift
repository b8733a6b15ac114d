import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSStore
import AgentOSWire
import Logging
import Synchronization

/// Runs hosted agents: checks a call, begins its run durably, executes it in this process, and knows what is going on.
public final class Runtime: Sendable {
    /// Seconds of work before a run is stopped (contract 4.3).
    public static let timeLimitSeconds = 300
    /// Runs in this process at the same time; beyond it callers are asked to come back.
    private static let activeBound = 10_000
    /// Messages of a conversation that are replayed, and characters of them.
    private static let replayedMessages = 50
    private static let replayedCharacters = 400_000

    private let agents: AgentStore
    private let runs: RunStore
    private let hosted: HostedRunStore
    private let conversations: ConversationStore
    private let providers: ProviderDirectory
    private let feed: LiveFeed
    private let clock: WallClock
    private let logger: Logger
    private let active = Mutex<[Int64: LiveRun]>([:])
    private let draining = Mutex(false)
    private let tools: Mutex<ToolShelf>

    public init(
        agents: AgentStore, runs: RunStore, hosted: HostedRunStore, conversations: ConversationStore,
        providers: ProviderDirectory, outbound: OutboundClient, feed: LiveFeed, clock: WallClock, logger: Logger
    ) {
        self.agents = agents
        self.runs = runs
        self.hosted = hosted
        self.conversations = conversations
        self.providers = providers
        self.feed = feed
        self.clock = clock
        self.logger = logger
        tools = Mutex(ToolShelf([]))
        let invokeAgent = InvokeAgentTool { [weak self] id, request, context in
            guard let self else { throw AgentOSError.shuttingDown }
            let agent = try await self.agents.agent(id, workspace: context.workspace.key)
            return try await self.invoke(
                agent, request, trigger: .agent, depth: context.run.depth + 1
            ).run
        }
        let shelf = ToolShelf([
            HTTPRequestTool(client: outbound), ReadURLTool(client: outbound), invokeAgent, CurrentTimeTool(clock: clock),
        ])
        tools.withLock { $0 = shelf }
    }

    public var shelf: ToolShelf { tools.withLock { $0 } }

    public var activeCount: Int { active.withLock { $0.count } }

    // MARK: - Invoking

    /// A run that was begun, and its frames when they were asked for.
    public struct Started: Sendable {
        public let run: LiveRun
        public let frames: LiveRun.Frames?
    }

    /// Begins a run of a hosted agent. When this returns the run is on record and being executed.
    /// - Throws: everything of contract 4.10 that is known before the run exists.
    public func invoke(
        _ agent: Agent, _ request: InvokeRequest, trigger: TriggerType = .sdk, depth: Int = 1
    ) async throws -> Started {
        try checkInvocable(agent, request)
        let workspace = WorkspaceRef(key: agent.workspaceKey, id: agent.workspaceID)
        let type = agent.providerType ?? .demo
        let provider = try await providers.provider(type, workspace: workspace)
        let parent = try await parentKey(request, workspace)
        let (session, history) = try await memory(request, agent)
        guard let input = try? JSONParser.parse(request.input).objectValue else {
            throw AgentOSError.invalid("input", "must be an object")
        }
        let plan = RunPlan(
            agentName: agent.name, provider: type, model: agent.model ?? ModelNames.defaultModel(for: type),
            system: PromptTemplate.fill(
                agent.systemPrompt ?? "", with: agent.variableValues.merging(request.promptVariables) { $1 }),
            history: history, prompt: InvokeRequest.prompt(of: input), tools: agent.tools,
            temperature: agent.temperature, maxTokens: agent.maxTokens, maxIterations: agent.maxIterations,
            isTest: request.test)
        var machine = RunMachine(plan: plan)
        let now = clock.now()
        let id = RunID.new(at: now)
        var recorder = RunRecorder(run: id)
        recorder.point(
            "run.started", at: now, ["agent": .string(agent.name), "trigger_type": .string(trigger.rawValue)])
        RunExecutor.recordRequest(machine, iteration: 1, at: now, &recorder)
        let intent = JournalEntry.modelCalled(iteration: 1)
        try machine.apply(intent)
        guard let events = try recorder.take(at: now) else { throw AgentOSError(.internal, "No events to record.") }
        let conversation: ConversationID? =
            switch session {
            case .none: nil
            case .start: .new(at: now)
            case .resume(let ref): ref.id
            }
        let ref = try await hosted.begin(
            .init(
                id: id, workspaceKey: workspace.key, agentKey: agent.key, trigger: trigger, hosted: true,
                isTest: request.test, parentKey: parent, input: request.input, startedAt: now),
            session: session, conversationID: conversation, entries: [.started(plan), intent], events: events)
        feed.publish(.init(run: ref, first: 1, count: events.count))
        let live = LiveRun(
            ref: ref, conversation: conversation, depth: depth, startedAt: now,
            deadline: monotonicNanoseconds() + UInt64(Self.timeLimitSeconds) * 1_000_000_000)
        let frames = request.stream ? live.stream() : nil
        launch(live, machine, provider, workspace)
        return Started(run: live, frames: frames)
    }

    private func checkInvocable(_ agent: Agent, _ request: InvokeRequest) throws {
        guard agent.runtimeType == .hosted else {
            throw AgentOSError(.validation, "The agent runs elsewhere (runtime_type external) and cannot be invoked.")
        }
        guard agent.status == .active else {
            throw AgentOSError(.validation, "The agent is \(agent.status.rawValue); only active agents can be invoked.")
        }
        if request.stream, agent.outputSchema != nil {
            throw AgentOSError.invalid("stream", "is not possible for an agent with an output_schema")
        }
        if draining.withLock({ $0 }) { throw AgentOSError.shuttingDown }
        if activeCount >= Self.activeBound {
            throw AgentOSError(.rateLimited, "Too many runs are going on; try again.", retryAfter: 2)
        }
    }

    private func parentKey(_ request: InvokeRequest, _ workspace: WorkspaceRef) async throws -> Int64? {
        guard let parent = request.parentRunID else { return nil }
        return try await runs.ref(parent, workspace: workspace.key).key
    }

    private func memory(
        _ request: InvokeRequest, _ agent: Agent
    ) async throws -> (HostedRunStore.Session, [ModelMessage]) {
        switch request.memory {
        case .none: return (.none, [])
        case .history(let turns): return (.none, turns)
        case .startSession: return (.start(externalUserID: request.externalUserID), [])
        case .session(let id):
            let conversation = try await conversations.ref(id, agent: agent.key)
            if let given = request.externalUserID, let known = conversation.externalUserID, given != known {
                throw AgentOSError.invalid("external_user_id", "is not the one this session was started with")
            }
            let messages = try await conversations.messages(conversation.key, limit: Self.replayedMessages)
            return (.resume(conversation), Self.replayed(messages))
        }
    }

    /// The newest whole turns that fit.
    private static func replayed(_ messages: [ConversationMessage]) -> [ModelMessage] {
        var kept: [ModelMessage] = []
        var characters = 0
        for message in messages.reversed() {
            characters += message.content.utf8.count
            if characters > replayedCharacters { break }
            kept.append(message.isUser ? .user(message.content) : .assistant(text: message.content, toolCalls: []))
        }
        // A turn begins with its user message.
        while case .assistant? = kept.last { kept.removeLast() }
        return kept.reversed()
    }

    private func launch(
        _ live: LiveRun, _ machine: RunMachine, _ provider: any ModelProvider, _ workspace: WorkspaceRef
    ) {
        active.withLock { $0[live.ref.key] = live }
        let executor = RunExecutor(
            live: live, workspace: workspace, provider: provider, shelf: shelf, store: hosted, feed: feed, clock: clock)
        // Not a child of the caller's task: the run outlives its connection. Cancelled through `LiveRun.stop` by
        // runs_cancel, by the time limit and by `drain`.
        let task = Task {
            await executor.execute(machine)
            _ = self.active.withLock { $0.removeValue(forKey: live.ref.key) }
        }
        live.adopt(task)
        if draining.withLock({ $0 }) { live.stop(.draining) }
    }

    // MARK: - Stopping

    /// Cancels a run, hosted here or reported, and waits until that is on record.
    /// - Throws: CONFLICT when it had ended in another way.
    public func cancel(_ ref: RunRef, reason: String?) async throws {
        if let live = active.withLock({ $0[ref.key] }) {
            live.stop(.cancelled(reason))
            _ = await live.result()
            guard let status = try await runs.status(ref), status != .cancelled else { return }
            throw AgentOSError(.conflict, "The run has already ended as \(status.rawValue).")
        }
        try await runs.end(ref, .cancelled(reason: reason))
    }

    /// Stops every run of an agent that is being deleted.
    public func cancelAll(ofAgent agent: Int64) {
        for live in active.withLock({ $0.values.filter { $0.ref.agentKey == agent } }) {
            live.stop(.cancelled("The agent was deleted."))
        }
    }

    /// Stops runs whose time is up. Called about once a second.
    public func enforceTimeLimit() {
        let now = monotonicNanoseconds()
        for live in active.withLock({ $0.values.filter { $0.deadline <= now } }) { live.stop(.timeout) }
    }

    /// Takes no more runs; gives those that go on `graceSeconds` to end, then lets go of them: their callers are told,
    /// their record stays open.
    public func drain(graceSeconds: Double) async {
        draining.withLock { $0 = true }
        let end = monotonicNanoseconds() + UInt64(graceSeconds * 1_000_000_000)
        while activeCount > 0, monotonicNanoseconds() < end { try? await Task.sleep(for: .milliseconds(20)) }
        for live in active.withLock({ Array($0.values) }) { live.stop(.draining) }
        let last = monotonicNanoseconds() + 2_000_000_000
        while activeCount > 0, monotonicNanoseconds() < last { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Ends the runs that an earlier process left unfinished. Returns how many there were.
    public func failUnfinished() async throws -> Int {
        var count = 0
        while true {
            let left = try await hosted.unfinished(limit: 200)
            if left.isEmpty { return count }
            for (ref, startedAt, agentName) in left {
                let message = "The server was stopped while this run was going on; its outcome is unknown."
                let now = clock.now()
                var recorder = RunRecorder(run: ref.id)
                recorder.point("run.failed", at: now, level: .error, ["error": .string(message)])
                recorder.span(
                    agentName, kind: "agent", id: recorder.rootSpan, parent: nil, from: startedAt, to: now,
                    level: .error, ["error": .string(message)])
                guard let events = try recorder.take(at: now) else { continue }
                try await hosted.abandon(
                    ref, outcome: .failed(code: .internal, message: message, detail: ["type": "interrupted"]),
                    events: events)
                count += 1
            }
        }
    }
}
