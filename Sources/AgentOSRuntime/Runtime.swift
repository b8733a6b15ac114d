import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSStore
import AgentOSWire
import Logging
import Synchronization

/// Everything the runtime works with.
public struct RuntimeServices: Sendable {
    public var agents: AgentStore
    public var runs: RunStore
    public var hosted: HostedRunStore
    public var approvals: ApprovalStore
    public var humanInput: HumanInputStore
    public var conversations: ConversationStore
    public var nodes: NodeStore
    public var log: EventLog
    public var providers: ProviderDirectory
    public var outbound: OutboundClient
    public var pinned: PinnedResources
    public var feed: LiveFeed
    /// Asked before a run begins that no other run begins.
    public var admission: Admission
    public var clock: WallClock
    public var logger: Logger

    public init(
        agents: AgentStore, runs: RunStore, hosted: HostedRunStore, approvals: ApprovalStore,
        humanInput: HumanInputStore, conversations: ConversationStore, nodes: NodeStore, log: EventLog,
        providers: ProviderDirectory, outbound: OutboundClient, pinned: PinnedResources, feed: LiveFeed,
        admission: Admission, clock: WallClock, logger: Logger
    ) {
        self.agents = agents
        self.runs = runs
        self.hosted = hosted
        self.approvals = approvals
        self.humanInput = humanInput
        self.conversations = conversations
        self.nodes = nodes
        self.log = log
        self.providers = providers
        self.outbound = outbound
        self.pinned = pinned
        self.feed = feed
        self.admission = admission
        self.clock = clock
        self.logger = logger
    }
}

/// Runs hosted agents: begins their runs durably, executes them in this process, takes up what was interrupted or has
/// waited, and knows what is going on.
public final class Runtime: Sendable {
    /// Seconds of work before a run is stopped (contract 4.3).
    public static let timeLimitSeconds = 300
    /// Runs in this process at the same time; beyond it callers are asked to come back.
    static let activeBound = 10_000

    let services: RuntimeServices
    let settings: RuntimeSettings
    public let tools: ToolDirectory
    /// Rung when this process begins to execute a run, by the run's key.
    let launches = Bell<Int64>()
    private let active = Mutex<[Int64: LiveRun]>([:])
    private let draining = Mutex(false)
    private let nodeKey = Mutex<Int64>(0)
    private let suspects = Mutex<Set<Int64>>([])

    /// - Parameters:
    ///   - builtin: further built-in tools.
    ///   - sources: where workspaces' own tools come from.
    public init(
        services: RuntimeServices, settings: RuntimeSettings = RuntimeSettings(), builtin: [any Tool] = [],
        sources: [any ToolSource] = []
    ) {
        self.services = services
        self.settings = settings
        tools = ToolDirectory(sources: sources)
        tools.set(
            builtin: [
                HTTPRequestTool(client: services.outbound), ReadURLTool(client: services.outbound),
                InvokeAgentTool(runtime: self), AskHumanTool(), CurrentTimeTool(clock: services.clock),
                CalculateTool(),
            ] + builtin)
    }

    /// The built-in tools.
    public var shelf: ToolShelf { tools.builtin }

    public var activeCount: Int { active.withLock { $0.count } }

    var isDraining: Bool { draining.withLock { $0 } }

    var node: Int64 { nodeKey.withLock { $0 } }

    func live(_ ref: RunRef) -> LiveRun? { active.withLock { $0[ref.key] } }

    func allLive() -> [LiveRun] { active.withLock { Array($0.values) } }

    // MARK: - Life of the process

    /// Registers this process as one that executes runs.
    /// - Parameter exclusive: no other process can have the store open.
    public func start(exclusive: Bool = true) async throws {
        let node = try await services.nodes.register(exclusive: exclusive)
        nodeKey.withLock { $0 = node }
        if exclusive { try await services.hosted.queue.releaseAll() }
    }

    /// Has runs resumed that no process executes any more. Returns how many there were.
    @discardableResult
    public func recover() async throws -> Int {
        var total = 0
        while true {
            let count = try await services.nodes.releaseAbandoned()
            total += count
            if count == 0 { break }
        }
        return total
    }

    /// Says that this process is alive. Called every `NodeStore.renewSeconds`.
    public func renewLease() async throws {
        try await services.nodes.renew(node)
        try await letGoOfOrphans()
        try await recover()
    }

    /// A run whose executor gave up because the store could not be written stays this node's on record. One that is seen
    /// so twice in a row is not just being begun.
    private func letGoOfOrphans() async throws {
        let owned = try await services.nodes.runs(of: node, in: services.hosted.database)
        let going = active.withLock { Set($0.keys) }
        let idle = owned.subtracting(going)
        let orphans = suspects.withLock { suspects -> Set<Int64> in
            defer { suspects = idle }
            return suspects.intersection(idle)
        }
        guard !orphans.isEmpty, !isDraining else { return }
        try await services.nodes.letGo(of: orphans, node: node)
    }

    public func retire() async throws { try await services.nodes.retire(node) }

    /// Stops runs whose time is up, and wakes readers that have waited long enough. Called about once a second.
    public func enforceTimeLimit() {
        let now = monotonicNanoseconds()
        for live in allLive() {
            if live.deadline <= now { live.stop(.timeout) }
            live.wakeLate(now: now)
        }
    }

    /// Takes no more runs; gives those that go on `graceSeconds` to end, then lets go of them: their callers are told,
    /// and they are taken up when the server is back.
    public func drain(graceSeconds: Double) async {
        draining.withLock { $0 = true }
        // Runs that nobody executes here will not be taken up any more: who waits for one is told at once.
        launches.ringForGood()
        let end = monotonicNanoseconds() + UInt64(graceSeconds * 1_000_000_000)
        while activeCount > 0, monotonicNanoseconds() < end { try? await Task.sleep(for: .milliseconds(20)) }
        for live in allLive() { live.stop(.draining) }
        let last = monotonicNanoseconds() + 2_000_000_000
        while activeCount > 0, monotonicNanoseconds() < last { try? await Task.sleep(for: .milliseconds(20)) }
    }

    // MARK: - Executing

    func checkCapacity() throws {
        if isDraining { throw AgentOSError.shuttingDown }
        if activeCount >= Self.activeBound {
            throw AgentOSError(.rateLimited, "Too many runs are going on; try again.", retryAfter: 2)
        }
    }

    var newDeadline: UInt64 { monotonicNanoseconds() + UInt64(max(0, settings.timeLimitSeconds)) * 1_000_000_000 }

    func launch(_ live: LiveRun, _ machine: RunMachine, _ workspace: WorkspaceRef, _ shelf: ToolShelf, resumed: Bool) {
        active.withLock { $0[live.ref.key] = live }
        launches.ring(live.ref.key)
        let executor = RunExecutor(
            live: live, workspace: workspace, shelf: shelf,
            services: ExecutorServices(
                hosted: services.hosted, feed: services.feed, clock: services.clock, providers: services.providers,
                settings: settings
            ) { live in
                // A run that paused may be taken up at once: it must not be found as going on here.
                _ = self.active.withLock { $0.removeValue(forKey: live.ref.key) }
            })
        // Not a child of the caller's task: the run outlives its connection. Cancelled through `LiveRun.stop` by
        // runs_cancel, by the time limit and by `drain`.
        let task = Task { await executor.execute(machine, resumed: resumed) }
        live.adopt(task)
        if isDraining { live.stop(.draining) }
    }

    // MARK: - Watching

    /// Waits until a run is over or waits for a person, wherever it is executed.
    /// - Throws: the run's failure; 503 when this process stops meanwhile.
    public func outcome(of ref: RunRef) async throws -> RunOutcomeReport {
        while true {
            let listener = launches.listen(ref.key)
            if let live = live(ref) {
                launches.stop(listener)
                return RunOutcomeReport(run: ref.id, conversation: live.conversation, result: await live.result())
            }
            if let report = try await report(of: ref) {
                launches.stop(listener)
                return report
            }
            if launches.isSilenced {
                launches.stop(listener)
                throw AgentOSError.putOff(run: ref.id)
            }
            await launches.wait(listener, seconds: 0.5)
        }
    }

    /// How a run stands by its record; nil while it goes on.
    func report(of ref: RunRef) async throws -> RunOutcomeReport? {
        let state = try await services.hosted.state(ref)
        guard let result = state.result(of: ref.id) else { return nil }
        return RunOutcomeReport(run: ref.id, conversation: state.conversation, result: result)
    }

    /// A reader of the run's frames.
    /// - Parameter after: the last frame it has seen.
    public func stream(_ ref: RunRef, after: FrameID = .beginning) -> RunStream {
        RunStream(self, ref, after: after, live: live(ref))
    }

    /// Whether a run has come as far as a frame of its stream: an entry is on record before any frame tells of it.
    public func hasBegun(_ frame: FrameID, of ref: RunRef) async throws -> Bool {
        guard frame != .beginning else { return true }
        return try await services.hosted.entryCount(of: ref) > frame.entry
    }

    func recordedFrames(
        of ref: RunRef, after: FrameID
    ) async throws -> (frames: [RunFrame], state: HostedRunStore.State) {
        // The state first: what comes in between is only newer.
        let state = try await services.hosted.state(ref)
        let journal = try await services.hosted.journal(of: ref)
        let frames = FrameLog.frames(
            of: journal,
            .init(
                id: ref.id, conversation: state.conversation, startedAt: state.startedAt,
                durationMilliseconds: state.durationMilliseconds, pause: state.pause),
            after: after)
        return (frames, state)
    }
}

/// How a run stands, for its caller.
public struct RunOutcomeReport: Sendable {
    public let run: RunID
    public let conversation: ConversationID?
    public let result: RunResult
}

extension HostedRunStore.State {
    /// Nil while the run goes on.
    func result(of run: RunID) -> RunResult? {
        switch status {
        case .running: return nil
        case .awaitingApproval, .awaitingInput:
            return pause.map { .paused($0, durationMilliseconds: $0.milliseconds(after: startedAt)) }
        case .completed:
            return .completed(output: output ?? Array("null".utf8), durationMilliseconds: durationMilliseconds ?? 0)
        case .cancelled: return .failed(AgentOSError(.conflict, "The run was cancelled.", runID: run))
        case .failed:
            guard case .ended(let outcome, _)? = last, let failure = outcome.failure(of: run) else {
                return .failed(AgentOSError(.internal, "The run failed.", runID: run))
            }
            return .failed(failure)
        }
    }
}

extension RunOutcome {
    /// What the callers of a run that ended so hear, whenever they ask; nil when it completed.
    func failure(of run: RunID) -> AgentOSError? {
        switch self {
        case .completed: nil
        case .failed(let code, let message, let detail):
            AgentOSError(code, message, runID: run, retryAfter: detail?["retry_after"]?.intValue)
        case .cancelled: AgentOSError(.conflict, "The run was cancelled.", runID: run)
        }
    }
}
