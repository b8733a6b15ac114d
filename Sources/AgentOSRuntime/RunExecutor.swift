import AgentOSCore
import AgentOSProviders
import AgentOSStore
import AgentOSWire

/// Does what the machine says: calls models and tools, commits every fact before building on it, tells the watchers.
struct RunExecutor: Sendable {
    let live: LiveRun
    let workspace: WorkspaceRef
    let shelf: ToolShelf
    let services: ExecutorServices

    var store: HostedRunStore { services.hosted }
    var clock: WallClock { services.clock }

    struct Progress: Sendable {
        var machine: RunMachine
        var recorder: RunRecorder
        /// Journal position up to which everything is on the disk.
        var committed: Int
        /// Entries taken in but not yet committed, and what goes with them.
        var pending: [JournalEntry] = []
        var settlements: [(reservation: Reservation, spent: Money)] = []
        /// The machine's open model call was announced by this executor.
        var isAnnounced = false
        /// What came of the open model call before it broke off.
        var unfinished: UnfinishedText?
        /// What that call used all the same, until an entry of the journal tells of it.
        var lost: LostReply?
        /// Tool calls that a dead process had begun.
        var unknown: Set<String> = []
        /// To be passed on once the pending entries are on the disk.
        var frames: [RunFrame] = []

        init(machine: RunMachine, run: RunID) {
            self.machine = machine
            recorder = RunRecorder(run: run)
            committed = machine.position
        }

        mutating func take(_ entry: JournalEntry) throws {
            try machine.apply(entry)
            pending.append(entry)
        }

        /// A frame of the entry that was taken in last.
        mutating func frame(_ number: Int, _ frame: InvokeFrame) {
            frames.append(RunFrame(id: FrameID(entry: machine.position - 1, number: number), frame: frame))
        }

        /// Ends the open model call's reservation with what the call cost.
        /// - Parameter day: when the call was made; a call for which nothing was set aside counts for that day.
        mutating func settle(_ spent: Money = .zero, on day: Int64 = 0) {
            if let reservation = machine.openCall?.reservation {
                settlements.append((reservation, spent))
                machine.noteReservation(nil)
            } else if spent > .zero {
                settlements.append((Reservation(amount: .zero, day: day), spent))
            }
        }
    }

    /// Executes to the end or to a pause. Never throws: whatever goes wrong becomes the run's outcome.
    func execute(_ machine: RunMachine, resumed: Bool) async {
        var state = Progress(machine: machine, run: live.ref.id)
        state.isAnnounced = !resumed
        if resumed {
            state.unknown = machine.begunCalls
            state.recorder.point("run.resumed", at: clock.now(), ["position": .int(machine.position)])
        }
        do {
            while true {
                switch state.machine.next {
                case .callModel(let iteration, let open): try await callModel(iteration, open, &state)
                case .runTools(let calls): try await runTools(calls, &state)
                case .requestApprovals(let calls): try requestApprovals(calls, &state)
                case .ask(let call): try ask(call, &state)
                case .wait(let pause): return try await self.pause(pause, &state)
                case .end(let outcome): return await end(outcome, &state)
                case .nothing: return finish(.failed(ended))
                }
            }
        } catch {
            await stop(for: error, &state)
        }
    }

    var ended: AgentOSError { AgentOSError(.conflict, "The run has already ended.", runID: live.ref.id) }

    /// Puts what is pending on the disk; only then are the watchers told.
    func commit(_ state: inout Progress, estimate: Reservation? = nil, pause: RunMachine.Pause? = nil) async throws {
        let events = try state.recorder.take(at: clock.now())
        var advance = HostedRunStore.Advance(entries: state.pending, events: events)
        advance.settlements = state.settlements
        advance.estimate = estimate
        advance.pause = pause
        let name = state.pending.map(\.kind).joined(separator: "+")
        CrashPoint.pass("before-commit/\(name)")
        let (stored, first) = try await store.advance(live.lease, at: state.committed, advance)
        if case .modelCalled(let call)? = stored.last { state.machine.noteReservation(call.reservation) }
        CrashPoint.pass("after-commit/\(name)")
        state.committed += state.pending.count
        state.pending = []
        state.settlements = []
        live.offer(state.frames)
        state.frames = []
        if let events { services.feed.publish(.init(run: live.ref, first: first, count: events.count)) }
    }

    /// Ends the watching with a frame that is not on record.
    func finish(_ result: RunResult, id: FrameID? = nil) {
        let frame: InvokeFrame =
            switch result {
            case .completed(let output, let duration):
                .done(live.ref.id, output: output, durationMilliseconds: duration, session: live.conversation)
            case .paused(let pause, _): FrameLog.frame(of: pause, frameRun)
            case .failed(let error): .error(error.frame)
            }
        services.released(live)
        live.finish(result, RunFrame(id: id, frame: frame))
    }

    private var frameRun: FrameLog.Run {
        .init(
            id: live.ref.id, conversation: live.conversation, startedAt: live.startedAt, durationMilliseconds: nil,
            pause: nil)
    }

    // MARK: - Ends

    private func end(_ outcome: RunOutcome, _ state: inout Progress) async {
        let now = max(clock.now(), live.startedAt)
        let plan = state.machine.plan
        state.settle()
        let result: RunResult
        var turn: HostedRunStore.Turn?
        switch outcome {
        case .completed(let output):
            result = .completed(output: output.encoded, durationMilliseconds: now.millisecondsSince(live.startedAt))
            turn = HostedRunStore.Turn(user: plan.prompt, assistant: state.machine.finalText ?? output.text)
        case .failed, .cancelled: result = .failed(outcome.failure(of: live.ref.id) ?? ended)
        }
        state.recorder.end(
            outcome, agent: plan.agentName, usage: state.machine.usage + (state.lost?.usage ?? TokenUsage()),
            from: live.startedAt, to: now)
        do {
            try state.take(.ended(outcome, unfinished: state.unfinished))
            guard let events = try state.recorder.take(at: now) else { return finish(.failed(ended)) }
            var advance = HostedRunStore.Advance(entries: state.pending, events: nil)
            advance.settlements = state.settlements
            CrashPoint.pass("before-commit/ended")
            let first = try await store.end(
                live.lease, at: state.committed, advance, events: events, outcome: outcome, turn: turn, now: now)
            CrashPoint.pass("after-commit/ended")
            live.offer(state.frames)
            services.feed.publish(.init(run: live.ref, first: first, count: events.count))
            finish(result, id: FrameID(entry: state.machine.position - 1, number: 1))
        } catch {
            finish(.failed(Self.failure(error, run: live.ref.id)))
        }
    }

    /// Turns what broke off the loop into the run's end.
    private func stop(for error: any Error, _ state: inout Progress) async {
        // What goes wrong past the time limit goes wrong because of it: a provider's patience ends about then, too.
        switch live.stopReason ?? (live.isLate ? LiveRun.StopReason.timeout : nil) {
        case .cancelled(let reason): return await end(.cancelled(reason: reason), &state)
        case .timeout:
            let message = "The run was stopped after \(services.settings.timeLimitSeconds) seconds of work."
            return await end(.failed(code: .timeout, message: message, detail: ["type": "TIMEOUT"]), &state)
        case .draining: return leave(for: .shuttingDown)
        case nil: break
        }
        switch error {
        // Somebody else ended the run or took it over: nothing more may be written.
        case let error as AgentOSError where error.code == .conflict:
            finish(.failed(Self.failure(error, run: live.ref.id)))
        case let error as AgentOSError where error.code == .unavailable: leave(for: error)
        case let error as AgentOSError where error.code == .paymentRequired:
            await end(
                .failed(code: .paymentRequired, message: error.message, detail: ["type": "PAYMENT_REQUIRED"]), &state)
        case let error as ProviderError: await end(Self.outcome(of: error), &state)
        // Whatever was wrong, it was not the request: that was accepted when the run began.
        default:
            await end(
                .failed(code: .internal, message: Self.message(of: error), detail: ["type": "internal_error"]), &state)
        }
    }

    /// Lets go of the run as it is on record: it is taken up by the next process, or by this one when it can write
    /// again.
    private func leave(for cause: AgentOSError) {
        guard cause != .shuttingDown else { return finish(.failed(.putOff(run: live.ref.id))) }
        var error = cause
        error.message = cause.message + " The run goes on when that is over."
        error.runID = live.ref.id
        finish(.failed(error))
    }

    private static func outcome(of error: ProviderError) -> RunOutcome {
        var detail: JSONObject = ["type": "provider_error", "kind": .string(error.kind.rawValue)]
        if let status = error.status { detail["status"] = .int(status) }
        if let seconds = error.retryAfter { detail["retry_after"] = .int(Int(min(seconds, 1e9).rounded(.up))) }
        return .failed(code: .provider, message: error.message, detail: .object(detail))
    }

    static func message(of error: any Error) -> String {
        switch error {
        case let error as ProviderError: error.message
        case let error as AgentOSError: error.message
        case is CancellationError: "stopped"
        default: "unexpected error"
        }
    }

    private static func failure(_ error: any Error, run: RunID) -> AgentOSError {
        var failure = (error as? AgentOSError) ?? AgentOSError(.internal, "The run could not be recorded.")
        failure.runID = run
        return failure
    }
}

/// What every executor works with.
struct ExecutorServices: Sendable {
    let hosted: HostedRunStore
    let feed: LiveFeed
    let clock: WallClock
    let providers: ProviderDirectory
    let settings: RuntimeSettings
    /// Told before the watchers are that this process is done with the run.
    let released: @Sendable (LiveRun) -> Void

    var prices: PriceBook { settings.prices }
}

/// What an operator can set of hosted runs.
public struct RuntimeSettings: Sendable {
    /// Seconds an approval waits for a decision, a question for an answer.
    public var approvalSeconds = 86_400
    public var questionSeconds = 86_400
    public var rejection = RunPlan.Rejection.failsRun
    public var prices = PriceBook.builtIn
    /// Seconds of work before a run is stopped; time spent in a pause does not count.
    public var timeLimitSeconds = Runtime.timeLimitSeconds

    public init() {}
}
