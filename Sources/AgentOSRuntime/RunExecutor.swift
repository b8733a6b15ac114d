import AgentOSCore
import AgentOSProviders
import AgentOSStore
import AgentOSWire

/// Does what the machine says: calls models and tools, commits every fact before building on it, tells the watchers.
struct RunExecutor: Sendable {
    /// Tool calls of one reply that run at the same time.
    static let toolConcurrency = 8

    let live: LiveRun
    let workspace: WorkspaceRef
    let provider: any ModelProvider
    let shelf: ToolShelf
    let store: HostedRunStore
    let feed: LiveFeed
    let clock: WallClock

    /// Executes to the end. Never throws: whatever goes wrong becomes the run's outcome.
    func execute(_ machine: RunMachine) async {
        var state = Progress(machine: machine, recorder: RunRecorder(run: live.ref.id), committed: machine.position)
        do {
            while true {
                switch state.machine.next {
                case .callModel(let iteration): try await callModel(iteration, &state)
                case .runTools(let calls): try await runTools(calls, &state)
                case .end(let outcome): return await end(outcome, &state)
                case .nothing: return live.finish(.failed(ended))
                }
            }
        } catch {
            await stop(for: error, &state)
        }
    }

    struct Progress: Sendable {
        var machine: RunMachine
        var recorder: RunRecorder
        /// Journal position up to which everything is on the disk.
        var committed: Int
        /// Entries taken in but not yet committed.
        var pending: [JournalEntry] = []

        mutating func take(_ entry: JournalEntry) throws {
            try machine.apply(entry)
            pending.append(entry)
        }
    }

    private var ended: AgentOSError { AgentOSError(.conflict, "The run has already ended.", runID: live.ref.id) }

    private func commit(_ state: inout Progress) async throws {
        let events = try state.recorder.take(at: clock.now())
        let first = try await store.advance(live.ref, at: state.committed, entries: state.pending, events: events)
        state.committed += state.pending.count
        state.pending = []
        if let events { feed.publish(.init(run: live.ref, first: first, count: events.count)) }
    }

    // MARK: - Model

    /// The event of a model call about to be made. Prompts with filled-in variables never appear in events.
    static func recordRequest(_ machine: RunMachine, iteration: Int, at time: Timestamp, _ recorder: inout RunRecorder) {
        var payload: JSONObject = [
            "model": .string(machine.plan.model), "iteration": .int(iteration), "messages": .int(machine.messages.count),
        ]
        if iteration == 1 { payload["prompt"] = RunRecorder.shown(machine.plan.prompt) }
        recorder.point("llm.request", at: time, payload)
    }

    private func callModel(_ iteration: Int, _ state: inout Progress) async throws {
        if state.machine.iterations < iteration {
            Self.recordRequest(state.machine, iteration: iteration, at: clock.now(), &state.recorder)
            try state.take(.modelCalled(iteration: iteration))
            try await commit(&state)
        }
        let plan = state.machine.plan
        let request = ModelRequest(
            model: plan.model, system: plan.system, messages: state.machine.messages,
            tools: shelf.definitions(plan.tools), temperature: plan.temperature, maxTokens: plan.maxTokens,
            stream: live.isWatched)
        let start = clock.now()
        let span = UUIDBits.v7(at: start)
        let root = state.recorder.rootSpan
        let reply: ModelReply
        do {
            reply = try await provider.reply(to: request) { [live] text in live.offer(.chunk(text)) }
        } catch {
            state.recorder.span(
                plan.model, kind: "llm", id: span, parent: root, from: start, to: clock.now(), level: .error,
                ["model": .string(plan.model), "error": .string(Self.message(of: error))])
            throw error
        }
        let end = clock.now()
        var response: JSONObject = ["model": .string(plan.model), "response": RunRecorder.shown(reply.text)]
        if !reply.toolCalls.isEmpty {
            response["tool_calls"] = .array(reply.toolCalls.map { .string($0.name) })
        }
        var measured = JSONObject([("model", .string(plan.model))])
        for (name, value) in reply.usage.members() {
            response[name] = value
            measured[name] = value
        }
        if let reason = reply.stopReason { measured["stop_reason"] = .string(reason) }
        state.recorder.point("llm.response", at: end, response)
        state.recorder.span(
            plan.model, kind: "llm", id: span, parent: root, from: start, to: end, tokens: reply.usage, measured)
        try state.take(.modelReplied(reply))
        guard !reply.toolCalls.isEmpty else { return }
        try state.take(.toolsCalled(callIDs: reply.toolCalls.map(\.id)))
        for call in reply.toolCalls {
            state.recorder.point("tool.called", at: end, ["tool": .string(call.name), "input": call.arguments])
        }
        try await commit(&state)
    }

    private static func message(of error: any Error) -> String {
        switch error {
        case let error as ProviderError: error.message
        case let error as AgentOSError: error.message
        case is CancellationError: "stopped"
        default: "unexpected error"
        }
    }

    // MARK: - Tools

    private struct Done: Sendable {
        let call: ToolCall
        let result: ToolResult
        let start: Timestamp
        let end: Timestamp
    }

    private func runTools(_ calls: [ToolCall], _ state: inout Progress) async throws {
        let plan = state.machine.plan
        for call in calls { live.offer(.tool(.calling, name: call.name)) }
        var progress = state
        try await withThrowingTaskGroup(of: Done.self) { group in
            var waiting = calls[...]
            for call in waiting.prefix(Self.toolConcurrency) { group.addTask { try await perform(call, plan) } }
            waiting = waiting.dropFirst(Self.toolConcurrency)
            while let done = try await group.next() {
                if let next = waiting.popFirst() { group.addTask { try await perform(next, plan) } }
                record(done, &progress)
                try progress.take(.toolReturned(done.result))
                live.offer(.tool(done.result.isError ? .failed : .returned, name: done.call.name))
                // The last result is committed with what follows from it.
                if case .runTools = progress.machine.next { try await commit(&progress) }
            }
        }
        state = progress
    }

    private func record(_ done: Done, _ state: inout Progress) {
        let shown = RunRecorder.shown(done.result.content)
        let name = JSONValue.string(done.call.name)
        let outcome: (String, JSONValue) = done.result.isError ? ("error", .string(done.result.content)) : ("output", shown)
        let level: EventLevel = done.result.isError ? .error : .info
        state.recorder.point(
            done.result.isError ? "tool.failed" : "tool.returned", at: done.end, level: level,
            JSONObject([("tool", name), outcome]))
        state.recorder.span(
            done.call.name, kind: "tool", id: .v7(at: done.start), parent: state.recorder.rootSpan, from: done.start,
            to: done.end, level: level, JSONObject([("tool", name), ("input", done.call.arguments), outcome]))
    }

    private func perform(_ call: ToolCall, _ plan: RunPlan) async throws -> Done {
        let start = clock.now()
        func done(_ content: String, isError: Bool) -> Done {
            Done(
                call: call,
                result: ToolResult(callID: call.id, name: call.name, content: content, isError: isError),
                start: start, end: clock.now())
        }
        guard plan.tools.contains(call.name), let tool = shelf[call.name] else {
            return done("There is no tool named \(call.name).", isError: true)
        }
        guard let arguments = call.arguments.objectValue else {
            return done("The arguments of \(call.name) must be a JSON object.", isError: true)
        }
        do {
            if plan.isTest, let stub = tool.stub(arguments) { return done(stub.text, isError: false) }
            let context = ToolContext(run: live, workspace: workspace, isTest: plan.isTest, idempotencyKey: .v7(at: start))
            return done(try await tool.call(arguments, context), isError: false)
        } catch let failure as ToolFailure {
            return done(failure.message, isError: true)
        }
    }

    // MARK: - Ends

    private func end(_ outcome: RunOutcome, _ state: inout Progress) async {
        let now = clock.now()
        let plan = state.machine.plan
        var root = JSONObject(state.machine.usage.members())
        var level = EventLevel.info
        let result: RunResult
        var turn: HostedRunStore.Turn?
        switch outcome {
        case .completed(let output):
            state.recorder.point("run.completed", at: now, ["output": output])
            result = .completed(output: output.encoded, durationMilliseconds: now.millisecondsSince(live.startedAt))
            turn = HostedRunStore.Turn(user: plan.prompt, assistant: state.machine.finalText ?? output.text)
        case .failed(let code, let message, _):
            level = .error
            root["error"] = .string(message)
            state.recorder.point("run.failed", at: now, level: .error, ["error": .string(message)])
            result = .failed(AgentOSError(code, message, runID: live.ref.id))
        case .cancelled(let reason):
            state.recorder.point("run.cancelled", at: now, ["reason": .optional(reason)])
            result = .failed(AgentOSError(.conflict, "The run was cancelled.", runID: live.ref.id))
        }
        state.recorder.span(
            plan.agentName, kind: "agent", id: state.recorder.rootSpan, parent: nil, from: live.startedAt, to: now,
            level: level, root)
        do {
            try state.take(.ended(outcome))
            guard let events = try state.recorder.take(at: now) else { return live.finish(.failed(ended)) }
            let first = try await store.end(
                live.ref, at: state.committed, entries: state.pending, events: events, outcome: outcome, turn: turn)
            feed.publish(.init(run: live.ref, first: first, count: events.count))
            live.finish(result)
        } catch {
            live.finish(.failed(Self.failure(error, run: live.ref.id)))
        }
    }

    /// Turns what broke off the loop into the run's end.
    private func stop(for error: any Error, _ state: inout Progress) async {
        switch live.stopReason {
        case .cancelled(let reason): return await end(.cancelled(reason: reason), &state)
        case .timeout:
            let message = "The run was stopped after \(Runtime.timeLimitSeconds) seconds of work."
            return await end(.failed(code: .timeout, message: message, detail: ["type": "TIMEOUT"]), &state)
        case .draining:
            var error = AgentOSError.shuttingDown
            error.message = "The server is shutting down; the run goes on when it is back."
            error.runID = live.ref.id
            return live.finish(.failed(error))
        case nil: break
        }
        if let error = error as? AgentOSError, error.code == .conflict { return live.finish(.failed(Self.failure(error, run: live.ref.id))) }
        if let error = error as? ProviderError {
            var detail: JSONObject = ["type": "provider_error", "kind": .string(error.kind.rawValue)]
            if let status = error.status { detail["status"] = .int(status) }
            return await end(
                .failed(code: .provider, message: error.message, detail: .object(detail)), &state)
        }
        await end(
            .failed(
                code: (error as? AgentOSError)?.code ?? .internal, message: Self.message(of: error),
                detail: ["type": "internal_error"]), &state)
    }

    private static func failure(_ error: any Error, run: RunID) -> AgentOSError {
        var failure = (error as? AgentOSError) ?? AgentOSError(.internal, "The run could not be recorded.")
        failure.runID = run
        return failure
    }
}
