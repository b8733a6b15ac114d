import AgentOSCore
import AgentOSStore
import AgentOSWire

extension RunExecutor {
    /// Tool calls of one reply that run at the same time.
    static let toolConcurrency = 8

    private struct Done: Sendable {
        let call: ToolCall
        let outcome: ToolOutcome
        let start: Timestamp
        let end: Timestamp
    }

    /// Which calls of a reply wait for a person's yes, and which a person answers. A call that cannot be made is
    /// neither: its failure goes straight back to the model.
    func sort(_ calls: [ToolCall], _ plan: RunPlan) -> (gated: [String], questions: [String]) {
        var (gated, questions): ([String], [String]) = ([], [])
        for call in calls {
            guard plan.tools.contains(call.name), let tool = shelf[call.name], shelf.problem(with: call) == nil else {
                continue
            }
            switch tool.interaction {
            case .question: questions.append(call.id)
            case .call: if Self.waits(call, shelf, plan) { gated.append(call.id) }
            }
        }
        return (gated, questions)
    }

    /// Whether a call waits for a person's yes.
    static func waits(_ call: ToolCall, _ shelf: ToolShelf, _ plan: RunPlan) -> Bool {
        // In a test run such calls are stubbed instead.
        guard !plan.isTest, plan.tools.contains(call.name), let tool = shelf[call.name],
            case .call = tool.interaction, shelf.problem(with: call) == nil
        else { return false }
        return isGated(tool, plan)
    }

    private static func isGated(_ tool: any Tool, _ plan: RunPlan) -> Bool {
        tool.requiresApproval || plan.approvalTools.contains(tool.definition.name)
    }

    /// Puts the intent of calls on record.
    func announceTools(_ calls: [ToolCall], at time: Timestamp, _ state: inout Progress) throws {
        try state.take(.toolsCalled(callIDs: calls.map(\.id)))
        for (number, call) in calls.enumerated() {
            state.recorder.point("tool.called", at: time, ["tool": .string(call.name), "input": call.arguments])
            state.frame(number + 1, .tool(.calling, name: call.name))
        }
    }

    func runTools(_ calls: [RunMachine.PendingCall], _ state: inout Progress) async throws {
        let calls = try settleUnknown(calls, &state)
        guard !calls.isEmpty else { return }
        let new = calls.filter { !$0.wasCalled }
        if !new.isEmpty {
            try announceTools(new.map(\.call), at: clock.now(), &state)
            try await commit(&state)
        }
        let plan = state.machine.plan
        let share = share(of: calls, state.machine)
        var progress = state
        // No error leaves the group: what is on the disk must be known whatever happens, and what was begun beside a
        // call that breaks off comes to its end, since cut off its outcome would be unknown.
        let failure = await withTaskGroup(of: Result<Done, any Error>.self) { group -> (any Error)? in
            var waiting = calls[...]
            for call in waiting.prefix(Self.toolConcurrency) { group.addTask { await attempt(call, plan, share) } }
            waiting = waiting.dropFirst(Self.toolConcurrency)
            var first: (any Error)?
            while let result = await group.next() {
                switch result {
                case .failure(let error): first = first ?? error
                case .success(let done):
                    if first == nil, let next = waiting.popFirst() {
                        group.addTask { await attempt(next, plan, share) }
                    }
                    do {
                        try await keep(done, &progress)
                    } catch {
                        first = first ?? error
                        group.cancelAll()
                    }
                }
            }
            return first
        }
        state = progress
        if let failure { throw failure }
    }

    private func keep(_ done: Done, _ state: inout Progress) async throws {
        try take(done, &state)
        // The last result is committed with what follows from it.
        if case .runTools = state.machine.next { try await commit(&state) }
    }

    /// What each of the calls may spend at most: those that start runs share what the run has left in equal parts, so
    /// that together they cannot spend more. Nil: the run has no limit.
    private func share(of calls: [RunMachine.PendingCall], _ machine: RunMachine) -> Money? {
        guard let limit = machine.plan.maxCost else { return nil }
        let starting = calls.count { shelf[$0.call.name]?.startsRuns == true }
        return Money(nanoUSD: max(.zero, limit - machine.cost).nanoUSD / Int64(max(1, starting)))
    }

    private func take(_ done: Done, _ state: inout Progress) throws {
        let outcome = done.outcome
        record(done, &state)
        try state.take(
            .toolReturned(
                ToolResult(
                    callID: done.call.id, name: done.call.name, content: outcome.content, isError: outcome.isError),
                cost: outcome.cost))
        state.frame(1, .tool(outcome.isError ? .failed : .returned, name: done.call.name))
    }

    private func record(_ done: Done, _ state: inout Progress) {
        let name = JSONValue.string(done.call.name)
        let isError = done.outcome.isError
        let outcome: (String, JSONValue) =
            isError ? ("error", .string(done.outcome.content)) : ("output", RunRecorder.shown(done.outcome.content))
        let level: EventLevel = isError ? .error : .info
        state.recorder.point(
            isError ? "tool.failed" : "tool.returned", at: done.end, level: level,
            JSONObject([("tool", name), outcome]))
        state.recorder.span(
            done.call.name, kind: "tool", id: .v7(at: done.start), parent: state.recorder.rootSpan, from: done.start,
            to: done.end, level: level, JSONObject([("tool", name), ("input", done.call.arguments), outcome]))
    }

    private func attempt(
        _ pending: RunMachine.PendingCall, _ plan: RunPlan, _ share: Money?
    ) async -> Result<Done, any Error> {
        do {
            return .success(try await perform(pending, plan, share))
        } catch {
            return .failure(error)
        }
    }

    private func perform(_ pending: RunMachine.PendingCall, _ plan: RunPlan, _ share: Money?) async throws -> Done {
        let start = clock.now()
        let call = pending.call
        CrashPoint.pass("before-effect/tool")
        var outcome = try await result(of: pending, plan, share)
        CrashPoint.pass("after-effect/tool")
        if pending.wasEdited {
            outcome.content = "(A person changed the arguments to \(call.arguments.text).)\n" + outcome.content
        }
        return Done(call: call, outcome: outcome, start: start, end: clock.now())
    }

    private func result(
        of pending: RunMachine.PendingCall, _ plan: RunPlan, _ share: Money?
    ) async throws -> ToolOutcome {
        let call = pending.call
        guard plan.tools.contains(call.name), let tool = shelf[call.name] else {
            return ToolOutcome("There is no tool named \(call.name).", isError: true)
        }
        if let problem = shelf.problem(with: call) { return ToolOutcome(problem, isError: true) }
        let arguments = call.arguments.objectValue ?? JSONObject()
        do {
            let isGated = Self.isGated(tool, plan)
            if plan.isTest, let stub = tool.stub(arguments, isGated: isGated) { return ToolOutcome(stub.text) }
            return try await tool.outcome(
                of: arguments,
                ToolContext(
                    run: live, workspace: workspace, isTest: plan.isTest,
                    idempotencyKey: .derived(from: live.ref.id.bits, number: pending.number),
                    costShare: share))
        } catch let failure as ToolFailure {
            return ToolOutcome(failure.message, isError: true)
        }
    }

    // MARK: - After a crash

    /// Calls that a dead process had begun are made again, given up or asked about, as the tool says; the question comes
    /// when nothing else is left to do.
    /// - Returns: the calls to be made now.
    private func settleUnknown(
        _ calls: [RunMachine.PendingCall], _ state: inout Progress
    ) throws -> [RunMachine.PendingCall] {
        guard calls.contains(where: { state.unknown.contains($0.call.id) }) else { return calls }
        let now = clock.now()
        var (known, doubtful): ([RunMachine.PendingCall], [ToolCall]) = ([], [])
        for pending in calls {
            let call = pending.call
            guard state.unknown.contains(call.id) else {
                known.append(pending)
                continue
            }
            switch shelf[call.name]?.unknownOutcome(call.arguments.objectValue ?? JSONObject()) ?? .report {
            case .retry:
                state.unknown.remove(call.id)
                known.append(pending)
            case .report:
                state.unknown.remove(call.id)
                let outcome = ToolOutcome(
                    "The server was stopped during this call; its outcome is unknown. "
                        + "It may or may not have taken effect, and it was not repeated.", isError: true)
                try take(Done(call: call, outcome: outcome, start: now, end: now), &state)
            case .ask: doubtful.append(call)
            }
        }
        if known.isEmpty {
            for call in doubtful {
                state.unknown.remove(call.id)
                let request = InputRequest(
                    id: .new(at: now), callID: call.id,
                    question: "The server was stopped while the tool \(call.name) was being called, so it is unknown "
                        + "whether the call took effect. Should it be made again?",
                    options: [InputRequest.retryOption, InputRequest.skipOption],
                    context: ["tool": .string(call.name), "input": call.arguments], isAboutOutcome: true,
                    expiresAt: now.advanced(bySeconds: Double(services.settings.questionSeconds)))
                try state.take(.inputRequested(request))
                recordQuestion(request, at: now, &state)
            }
        }
        return known
    }

    func recordQuestion(_ request: InputRequest, at time: Timestamp, _ state: inout Progress) {
        var payload: JSONObject = [
            "request_id": .string("\(request.id)"), "question": .string(request.question),
            "options": .array(request.options.map(JSONValue.string)),
        ]
        if let context = request.context { payload["context"] = .object(context) }
        state.recorder.point("input.requested", at: time, payload)
    }
}
