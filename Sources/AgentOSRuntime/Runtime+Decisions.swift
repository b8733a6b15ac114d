import AgentOSCore
import AgentOSStore

extension Runtime {
    /// What a person says to an approval request.
    public struct Verdict: Sendable {
        public var isApproved: Bool
        public var note: String?
        /// Replaces the arguments that the model gave.
        public var arguments: JSONObject?
        /// Who it was, for the record.
        public var decidedBy: String?

        public init(isApproved: Bool, note: String? = nil, arguments: JSONObject? = nil, decidedBy: String? = nil) {
            self.isApproved = isApproved
            self.note = note
            self.arguments = arguments
            self.decidedBy = decidedBy
        }
    }

    /// Decides about a call; the run goes on in the background. The first decision wins.
    /// - Returns: the run.
    /// - Throws: NOT_FOUND; CONFLICT when it was decided, has expired or was cancelled; VALIDATION_ERROR when changed
    ///   arguments are not what the tool wants.
    public func decide(_ id: ApprovalID, workspace: WorkspaceRef, _ verdict: Verdict) async throws -> RunRef {
        let approval = try await services.approvals.approval(id, workspace: workspace.key)
        if let arguments = verdict.arguments {
            guard verdict.isApproved else {
                throw AgentOSError.invalid("arguments", "can only be changed by an approval")
            }
            try await check(arguments, of: approval, workspace)
        }
        try await record(
            ApprovalDecision(
                id: id, verdict: verdict.isApproved ? .approved : .rejected, note: verdict.note,
                arguments: verdict.arguments, decidedBy: verdict.decidedBy), approval)
        return approval.run
    }

    /// Changed arguments have to pass what the model's own would have to.
    private func check(_ arguments: JSONObject, of approval: ApprovalRecord, _ workspace: WorkspaceRef) async throws {
        let shelf = try await tools.shelf(for: [approval.tool], workspace: workspace)
        guard shelf[approval.tool] != nil else {
            throw AgentOSError(.conflict, "The tool \(approval.tool) does not exist any more.")
        }
        let issues = shelf.issues(in: arguments, of: approval.tool)
        guard let first = issues.first else { return }
        throw AgentOSError.invalid(first.path.isEmpty ? "arguments" : "arguments.\(first.path)", first.message)
    }

    private func record(_ decision: ApprovalDecision, _ approval: ApprovalRecord) async throws {
        let now = services.clock.now()
        let plan = try await services.hosted.plan(of: approval.run)
        var recorder = RunRecorder(run: approval.run.id)
        var payload: JSONObject = [
            "approval_id": .string("\(approval.id)"), "tool": .string(approval.tool),
            "decision": .string(decision.verdict.rawValue), "note": .optional(decision.note),
            "decided_by": .optional(decision.decidedBy), "input": (try? JSONParser.parse(approval.input)) ?? .null,
        ]
        if let arguments = decision.arguments { payload["edited_input"] = .object(arguments) }
        recorder.point("approval.decided", at: now, payload)
        guard let events = try recorder.take(at: now) else { return }
        CrashPoint.pass("before-commit/approval_decided")
        let first = try await services.approvals.decide(
            approval, decision, failsRun: decision.verdict != .approved && plan.rejection == .failsRun, events: events)
        services.feed.publish(.init(run: approval.run, first: first, count: events.count))
        CrashPoint.pass("after-commit/approval_decided")
    }

    func expireApproval(_ id: ApprovalID) async throws {
        guard let approval = try await services.approvals.find(id), approval.status == "pending" else { return }
        do {
            try await record(ApprovalDecision(id: id, verdict: .expired), approval)
        } catch let error as AgentOSError where error.code == .conflict {
            // Somebody was faster.
        }
    }

    // MARK: - Questions

    /// Answers a question of a hosted run and waits until the run is over or pauses again.
    /// - Parameter id: nil answers the one that is open.
    /// - Throws: CONFLICT when there is nothing to answer; the run's failure.
    public func reply(_ id: HumanRequestID?, run: RunRef, text: String) async throws -> RunOutcomeReport {
        if isDraining { throw AgentOSError.shuttingDown }
        let question = try await services.humanInput.awaited(id, by: run)
        try await settle(question, run: run, text: text)
        // Not left to the dispatcher: somebody waits. Whoever comes second finds nothing to do.
        // When there is no room just now, the job takes it up later.
        do { try await resume(run.key) } catch let error as AgentOSError where error.code == .rateLimited {}
        return try await outcome(of: run)
    }

    func expireQuestion(_ id: HumanRequestID, run key: Int64) async throws {
        guard let run = try await services.hosted.ref(key: key) else { return }
        do {
            try await settle(id, run: run, text: nil)
        } catch let error as AgentOSError where error.code == .conflict {
            // It was answered, or its run is busy with something else just now; then this is tried again later.
            if try await services.humanInput.isPending(id) { throw error }
        }
    }

    private func settle(_ id: HumanRequestID, run: RunRef, text: String?) async throws {
        let now = services.clock.now()
        var recorder = RunRecorder(run: run.id)
        var payload: JSONObject = ["request_id": .string("\(id)")]
        if let text { payload["response"] = RunRecorder.shown(text) }
        recorder.point(text == nil ? "input.expired" : "input.received", at: now, payload)
        guard let events = try recorder.take(at: now) else { return }
        CrashPoint.pass("before-commit/input_received")
        let first = try await services.humanInput.settle(
            id, run: run, text: text, events: events, log: services.log)
        services.feed.publish(.init(run: run, first: first, count: events.count))
        CrashPoint.pass("after-commit/input_received")
    }
}
