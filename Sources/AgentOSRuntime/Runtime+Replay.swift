import AgentOSCore
import AgentOSProviders
import AgentOSStore
import AgentOSWire

extension Runtime {
    /// What a replay changes. Absent: as it was.
    public struct Overrides: Sendable {
        public var systemPrompt: String?
        public var provider: ProviderType?
        public var model: String?
        public var input: JSONObject?
        public var temperature: Double?
        public var maxTokens: Int?
        public var tools: [String]?

        public init() {}
    }

    /// Makes a new run that takes over the record of another up to a step and goes on live from there.
    ///
    /// Steps count model calls and tool calls from 1. What was taken over is not done again and costs nothing.
    /// - Parameter step: the first step that is made anew; nil: the first.
    /// Which calls need a person's yes, and what the run may cost, is as the agent says now; no gate of the record is
    /// lost.
    /// - Throws: VALIDATION_ERROR for a step that the run does not have, a run that was not hosted, an agent that takes
    ///   no runs, or an input that is not as the agent's input_schema wants it; PAYMENT_REQUIRED as for an invoke.
    public func replay(
        _ origin: RunRef, fromStep step: Int?, _ overrides: Overrides, workspace: WorkspaceRef
    ) async throws -> Started {
        guard origin.hosted else { throw AgentOSError(.validation, "Only runs of hosted agents can be replayed.") }
        guard let id = try await services.agents.id(ofKey: origin.agentKey) else {
            throw AgentOSError.notFound("agent")
        }
        let agent = try await services.agents.agent(id, workspace: workspace.key)
        try check(agent)
        try checkCapacity()
        try services.admission.check()
        let journal = try await services.hosted.journal(of: origin)
        guard case .started(var plan)? = journal.first else { throw AgentOSError(.internal, "The run has no journal.") }
        let first = step ?? 1
        let record = try ReplayedJournal(journal)
        let count = record.stepCount
        guard (1...count + 1).contains(first) else {
            throw AgentOSError.invalid("from_step", "the run has \(count) steps; it must be between 1 and \(count + 1)")
        }
        if overrides.input != nil, first > 1 {
            throw AgentOSError.invalid(
                "overrides.input", "can only be changed when everything is made anew (from_step 1)")
        }
        let input = try await apply(overrides, to: &plan, origin, agent, workspace)
        for tool in agent.approvalTools where !plan.approvalTools.contains(tool) { plan.approvalTools.append(tool) }
        plan.maxCost = agent.maxCost
        plan.origin = .init(run: origin.id, step: first)
        plan.depth = 1
        plan.lineage = Array(plan.lineage.suffix(1))
        let type = plan.provider
        _ = try await services.providers.provider(type, workspace: workspace)
        let shelf = try await tools.shelf(for: plan.tools, workspace: workspace)
        let now = services.clock.now()
        let run = RunStore.NewRun(
            id: .new(at: now), workspaceKey: origin.workspaceKey, agentKey: origin.agentKey, trigger: .manual,
            hosted: true, isTest: origin.isTest, input: input, startedAt: now)
        var beginning = try beginning(plan, shelf, run)
        beginning.origin = (origin.key, first)
        let reused = record.entries(before: first) { RunExecutor.waits($0, shelf, plan) }
        guard !reused.isEmpty else { return try await begin(beginning, plan, workspace, shelf, stream: false) }
        return try await begin(beginning, plan, reused, workspace, shelf)
    }

    /// Begins with entries of another run's journal and goes on from there as after an interruption.
    private func begin(
        _ beginning: HostedRunStore.Beginning, _ plan: RunPlan, _ reused: [JournalEntry], _ workspace: WorkspaceRef,
        _ shelf: ToolShelf
    ) async throws -> Started {
        var beginning = beginning
        let now = beginning.run.startedAt
        var recorder = RunRecorder(run: beginning.run.id)
        recorder.point(
            "run.started", at: now,
            ["agent": .string(plan.agentName), "trigger_type": .string(beginning.run.trigger.rawValue)])
        recorder.point(
            "run.replayed", at: now,
            [
                "origin_run_id": .optional(plan.origin?.run.description), "from_step": .optionalInt(plan.origin?.step),
                "steps_taken_over": .optionalInt(plan.origin.map { $0.step - 1 }),
            ])
        guard let events = try recorder.take(at: now) else { throw AgentOSError(.internal, "No events to record.") }
        beginning.events = events
        beginning.entries = [.started(plan)] + reused
        beginning.estimate = nil
        let machine = try RunMachine(journal: beginning.entries)
        guard case .new(let lease, _) = try await services.hosted.begin(beginning, node: node) else {
            throw AgentOSError(.internal, "The run was not begun.")
        }
        services.feed.publish(.init(run: lease.ref, first: 1, count: events.count))
        let live = LiveRun(
            lease: lease, conversation: nil, plan: plan, startedAt: now, firstPosition: machine.position,
            deadline: newDeadline)
        launch(live, machine, workspace, shelf, resumed: false)
        return Started(ref: lease.ref, conversation: nil, live: live)
    }

    /// - Returns: the run's input as JSON.
    private func apply(
        _ overrides: Overrides, to plan: inout RunPlan, _ origin: RunRef, _ agent: Agent, _ workspace: WorkspaceRef
    ) async throws -> [UInt8] {
        if let prompt = overrides.systemPrompt { plan.system = prompt }
        if let model = overrides.model {
            plan.model = model
            plan.provider = overrides.provider ?? ModelNames.provider(forModel: model) ?? plan.provider
        } else if let provider = overrides.provider {
            plan.provider = provider
            plan.model = ModelNames.defaultModel(for: provider)
        }
        if let temperature = overrides.temperature { plan.temperature = temperature }
        if let tokens = overrides.maxTokens { plan.maxTokens = tokens }
        if let names = overrides.tools {
            try await tools.check(names, field: "overrides.tools", workspace: workspace)
            plan.tools = names
        }
        guard let input = overrides.input else {
            return try await services.runs.detail(origin.id, workspace: workspace.key).input
        }
        try Self.check(input: input, of: agent, field: "overrides.input")
        plan.prompt = InvokeRequest.prompt(of: input)
        return JSONValue.object(input).encoded
    }
}
