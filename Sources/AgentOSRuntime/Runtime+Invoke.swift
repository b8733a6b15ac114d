import AgentOSCore
import AgentOSProviders
import AgentOSStore
import AgentOSWire

extension Runtime {
    /// A run that was begun, or found again.
    public struct Started: Sendable {
        public let ref: RunRef
        public let conversation: ConversationID?
        /// Nil when it was begun before and is not going on here.
        public let live: LiveRun?
    }

    /// How often a conversation is read for a run while others add to it.
    private static let memoryReads = 5

    /// What a child run takes from the run above it.
    struct Parent: Sendable {
        let live: LiveRun
        let childID: RunID
        let maxCost: Money?
    }

    /// Begins a run of a hosted agent. When this returns the run is on record and being executed.
    /// - Parameter invocation: recognises the call when it is sent again; the run it began is returned then.
    /// - Throws: everything of contract 4.10 that is known before the run exists.
    public func invoke(
        _ agent: Agent, _ request: InvokeRequest, trigger: TriggerType = .sdk,
        invocation: HostedRunStore.Invocation? = nil
    ) async throws -> Started {
        try await invoke(agent, request, trigger: trigger, invocation: invocation, parent: nil)
    }

    func invoke(
        _ agent: Agent, _ request: InvokeRequest, trigger: TriggerType, invocation: HostedRunStore.Invocation?,
        parent: Parent?
    ) async throws -> Started {
        if let invocation, let known = try await services.hosted.known(invocation, agent: agent.key) {
            return try await found(known)
        }
        try check(agent, request)
        if parent == nil { try services.admission.check() }
        let input = try Self.input(of: request, agent)
        let workspace = WorkspaceRef(key: agent.workspaceKey, id: agent.workspaceID)
        let type = agent.providerType ?? .demo
        _ = try await services.providers.provider(type, workspace: workspace)
        let shelf = try await tools.shelf(for: agent.tools, workspace: workspace)
        let parentKey = try await parentKey(request, workspace)
        var plan = RunPlan(
            agentName: agent.name, provider: type, model: agent.model ?? ModelNames.defaultModel(for: type),
            system: try await system(agent, request, workspace), history: [],
            prompt: InvokeRequest.prompt(of: input), tools: agent.tools, temperature: agent.temperature,
            maxTokens: agent.maxTokens, maxIterations: agent.maxIterations, isTest: request.test)
        plan.fallbackModels = agent.fallbackModels
        plan.approvalTools = agent.approvalTools
        plan.rejection = settings.rejection
        plan.outputSchema = agent.outputSchema
        plan.maxCost = [agent.maxCost, parent?.maxCost].compactMap { $0 }.min()
        plan.depth = (parent?.live.plan.depth ?? 0) + 1
        plan.lineage = (parent?.live.plan.lineage ?? []) + [agent.id]
        for _ in 0..<Self.memoryReads {
            let memory = try await memory(request, agent, plan)
            plan.history = memory.history
            let now = services.clock.now()
            let id = parent?.childID ?? RunID.new(at: now)
            var run = RunStore.NewRun(
                id: id, workspaceKey: workspace.key, agentKey: agent.key, trigger: trigger, hosted: true,
                isTest: request.test, parentKey: parentKey, input: request.input, startedAt: now)
            run.agentVersion = agent.version
            var beginning = try beginning(plan, shelf, run, dropped: memory.dropped)
            beginning.session = memory.session
            switch memory.session {
            case .none: break
            case .start: beginning.conversation = .new(at: now)
            case .resume(let ref, _): beginning.conversation = ref.id
            }
            beginning.invocation = invocation
            do {
                return try await begin(beginning, plan, workspace, shelf, stream: request.stream)
            } catch is ConversationStore.Outdated {
                // Another run has added its turn since the memory was read.
                continue
            }
        }
        throw ConversationStore.busy
    }

    /// The first entries and events of a run.
    /// - Throws: PAYMENT_REQUIRED when the run may spend nothing.
    func beginning(
        _ plan: RunPlan, _ shelf: ToolShelf, _ run: RunStore.NewRun, dropped: Int = 0
    ) throws -> HostedRunStore.Beginning {
        let now = run.startedAt
        let machine = RunMachine(plan: plan)
        try RunExecutor.checkCost(machine)
        var recorder = RunRecorder(run: run.id)
        recorder.point(
            "run.started", at: now, ["agent": .string(plan.agentName), "trigger_type": .string(run.trigger.rawValue)])
        if dropped > 0 {
            recorder.point(
                "memory.cut", at: now, level: .warn,
                ["messages_dropped": .int(dropped), "messages_kept": .int(plan.history.count)])
        }
        RunExecutor.recordRequest(machine, iteration: 1, model: plan.model, at: now, &recorder)
        let call = ModelCall(iteration: 1, model: plan.model, provider: plan.provider)
        guard let events = try recorder.take(at: now) else { throw AgentOSError(.internal, "No events to record.") }
        var beginning = HostedRunStore.Beginning(
            run: run, entries: [.started(plan), .modelCalled(call)], events: events)
        beginning.estimate = RunExecutor.estimate(call, machine, shelf, settings.prices, now)
        return beginning
    }

    func begin(
        _ beginning: HostedRunStore.Beginning, _ plan: RunPlan, _ workspace: WorkspaceRef, _ shelf: ToolShelf,
        stream: Bool
    ) async throws -> Started {
        CrashPoint.pass("before-commit/started")
        let begun = try await services.hosted.begin(beginning, node: node)
        CrashPoint.pass("after-commit/started")
        guard case .new(let lease, let reservation) = begun else {
            guard case .known(let ref) = begun else { throw AgentOSError(.internal, "The run was not begun.") }
            return try await found(ref)
        }
        services.feed.publish(.init(run: lease.ref, first: 1, count: beginning.events.count))
        var machine = RunMachine(plan: plan)
        for entry in beginning.entries.dropFirst() { try machine.apply(entry) }
        machine.noteReservation(reservation)
        let live = LiveRun(
            lease: lease, conversation: beginning.conversation, plan: plan, startedAt: beginning.run.startedAt,
            firstPosition: 0, deadline: newDeadline)
        if stream { live.watch() }
        live.offer(
            FrameLog.frames(
                of: beginning.entries,
                .init(
                    id: lease.ref.id, conversation: beginning.conversation, startedAt: beginning.run.startedAt,
                    durationMilliseconds: nil, pause: nil), after: .beginning))
        launch(live, machine, workspace, shelf, resumed: false)
        return Started(ref: lease.ref, conversation: beginning.conversation, live: live)
    }

    private func found(_ ref: RunRef) async throws -> Started {
        Started(ref: ref, conversation: try await services.hosted.state(ref).conversation, live: live(ref))
    }

    /// How a run stands for a caller who does not wait; nil while it goes on.
    public func report(of started: Started) async throws -> RunOutcomeReport? {
        guard started.live == nil else { return nil }
        return try await report(of: started.ref)
    }

    /// Waits until a begun run is over or pauses.
    public func outcome(of started: Started) async throws -> RunOutcomeReport {
        guard let live = started.live else { return try await outcome(of: started.ref) }
        return RunOutcomeReport(run: live.ref.id, conversation: live.conversation, result: await live.result())
    }

    /// A reader of a begun run's frames from the start.
    public func stream(_ started: Started) -> RunStream {
        RunStream(self, started.ref, after: .beginning, live: started.live ?? live(started.ref))
    }

    // MARK: - Checks

    private func check(_ agent: Agent, _ request: InvokeRequest) throws {
        try check(agent)
        if request.stream, agent.outputSchema != nil {
            throw AgentOSError.invalid("stream", "is not possible for an agent with an output_schema")
        }
        try checkCapacity()
    }

    /// Whether the agent takes runs.
    func check(_ agent: Agent) throws {
        guard agent.runtimeType == .hosted else {
            throw AgentOSError(.validation, "The agent runs elsewhere (runtime_type external) and cannot be invoked.")
        }
        guard agent.status == .active else {
            throw AgentOSError(.validation, "The agent is \(agent.status.rawValue); only active agents can be invoked.")
        }
    }

    private static func input(of request: InvokeRequest, _ agent: Agent) throws -> JSONObject {
        guard let input = try? JSONParser.parse(request.input), let object = input.objectValue else {
            throw AgentOSError.invalid("input", "must be an object")
        }
        try check(input: object, of: agent, field: "input")
        return object
    }

    /// - Throws: VALIDATION_ERROR naming what is not as the agent's input_schema wants it.
    static func check(input: JSONObject, of agent: Agent, field: String) throws {
        guard let schema = agent.inputSchema.flatMap({ try? JSONSchema($0) }) else { return }
        let issues = schema.issues(in: .object(input))
        guard let first = issues.first else { return }
        func path(_ issue: JSONSchema.Issue) -> String {
            issue.path.isEmpty ? field : issue.path.hasPrefix("[") ? field + issue.path : "\(field).\(issue.path)"
        }
        var error = AgentOSError.invalid(path(first), first.message)
        error.details = issues.map { FieldError(path: path($0), message: $0.message) }
        throw error
    }

    private func parentKey(_ request: InvokeRequest, _ workspace: WorkspaceRef) async throws -> Int64? {
        guard let parent = request.parentRunID else { return nil }
        return try await services.runs.ref(parent, workspace: workspace.key).key
    }

    private func system(_ agent: Agent, _ request: InvokeRequest, _ workspace: WorkspaceRef) async throws -> String {
        let filled = PromptTemplate.fill(
            agent.systemPrompt ?? "", with: agent.variableValues.merging(request.promptVariables) { $1 })
        guard !agent.pinnedResources.isEmpty else { return filled }
        return filled + (try await services.pinned.section(for: agent.pinnedResources, workspace: workspace))
    }
}
