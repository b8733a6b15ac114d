import AgentOSCore
import AgentOSStore

extension Runtime {
    /// Handles the jobs of hosted runs.
    public func registerJobs(_ dispatcher: JobDispatcher) {
        dispatcher.register(
            HostedRunStore.resumeJob, policy: .init(attempts: 1000, first: 0.5, longest: 60, places: 64)
        ) {
            [self] job in
            guard let run = job.payload["run"]?.intValue else { return }
            try await resume(Int64(run))
        }
        dispatcher.register(HostedRunStore.approvalExpiryJob, policy: .init(attempts: 100)) { [self] job in
            guard let id = ApprovalID(job.name) else { return }
            try await expireApproval(id)
        }
        dispatcher.register(HostedRunStore.questionExpiryJob, policy: .init(attempts: 100)) { [self] job in
            guard let id = HumanRequestID(job.name), let run = job.payload["run"]?.intValue else { return }
            try await expireQuestion(id, run: Int64(run))
        }
    }

    /// Takes up a run from its last committed entry. Does nothing when it is over, paused or executed elsewhere.
    func resume(_ run: Int64) async throws {
        try checkCapacity()
        guard let claimed = try await services.hosted.claim(run, node: node) else { return }
        let ref = claimed.lease.ref
        do {
            guard let machine = try await readable(ref) else {
                return try await abandon(
                    ref,
                    .failed(
                        code: .internal, message: "The run's journal cannot be read any more.",
                        detail: ["type": "damaged_journal"]))
            }
            guard let workspace = try await services.agents.workspace(ofAgent: ref.agentKey) else {
                return try await abandon(ref, .cancelled(reason: "The agent was deleted."))
            }
            let shelf = try await tools.shelf(for: machine.plan.tools, workspace: workspace)
            let live = LiveRun(
                lease: claimed.lease, conversation: claimed.conversation, plan: machine.plan,
                startedAt: claimed.startedAt, firstPosition: machine.position, deadline: newDeadline)
            // The claim alone does not tell: a run that was claimed and given back has no node any more.
            launch(
                live, machine, workspace, shelf, resumed: claimed.wasInterrupted || machine.wasCutOff)
        } catch {
            // Somebody else, or a later try of this job, may take it.
            try? await services.hosted.unclaim(claimed.lease)
            throw error
        }
    }

    /// The journal folded; nil when it is damaged.
    private func readable(_ ref: RunRef) async throws -> RunMachine? {
        do {
            return try RunMachine(journal: try await services.hosted.journal(of: ref))
        } catch let error where error is RunMachine.UnexpectedEntry || error.isDamage {
            services.logger.error(
                "a run's journal cannot be read", metadata: ["run": .string("\(ref.id)"), "error": .string("\(error)")])
            return nil
        }
    }

    // MARK: - Ending what nobody executes

    /// Cancels a run, hosted here or reported, with the runs below it, and waits until that is on record.
    /// - Throws: CONFLICT when it had ended in another way.
    public func cancel(_ ref: RunRef, reason: String?) async throws {
        guard ref.hosted else {
            try await services.runs.end(ref, .cancelled(reason: reason))
            return
        }
        if let live = live(ref) {
            live.stop(.cancelled(reason))
            _ = await live.result()
        }
        switch try await services.runs.status(ref) {
        case nil: throw AgentOSError.notFound("run")
        case .cancelled?: break
        case .completed?: throw AgentOSError(.conflict, "The run has already ended as completed.")
        case .failed?: throw AgentOSError(.conflict, "The run has already ended as failed.")
        case .running?, .awaitingApproval?, .awaitingInput?: try await abandon(ref, .cancelled(reason: reason))
        }
        try await cancelChildren(of: ref)
    }

    func cancelChildren(of ref: RunRef) async throws {
        for child in try await services.hosted.openChildren(of: ref.key) {
            try? await cancel(child, reason: "The run that started this one was stopped.")
        }
    }

    /// Stops every run of an agent that is being deleted.
    public func cancelAll(ofAgent agent: Int64) {
        for live in allLive() where live.ref.agentKey == agent { live.stop(.cancelled("The agent was deleted.")) }
    }

    private func abandon(_ ref: RunRef, _ outcome: RunOutcome) async throws {
        let state = try await services.hosted.state(ref)
        let machine = (try? await services.hosted.journal(of: ref)).flatMap { try? RunMachine(journal: $0) }
        let now = max(services.clock.now(), state.startedAt)
        var recorder = RunRecorder(run: ref.id)
        recorder.end(
            outcome, agent: machine?.plan.agentName ?? "agent", usage: machine?.usage ?? TokenUsage(),
            from: state.startedAt, to: now)
        guard let events = try recorder.take(at: now) else { return }
        let first = try await services.hosted.abandon(
            ref, outcome: outcome, events: events, open: machine?.openCall?.reservation)
        if let first { services.feed.publish(.init(run: ref, first: first, count: events.count)) }
    }
}

extension Error {
    /// What is stored is not what was written; another try does not help.
    fileprivate var isDamage: Bool {
        if case .damaged? = self as? StoreError { true } else { false }
    }
}
