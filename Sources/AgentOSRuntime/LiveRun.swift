import AgentOSCore
import AgentOSStore
import AgentOSWire
import Synchronization

/// How a hosted run stands when its caller is answered.
public enum RunResult: Sendable {
    /// `output` is JSON.
    case completed(output: [UInt8], durationMilliseconds: Int)
    case paused(RunMachine.Pause, durationMilliseconds: Int)
    /// Carries the run's id.
    case failed(AgentOSError)
}

/// A run that this process executes: what it is being stopped for, and who watches it.
///
/// The callers are watchers like any other: when they leave, the run goes on. Frames are kept until the run ends or
/// pauses, so that any number of readers can follow at their own pace without a queue each.
public final class LiveRun: Sendable {
    /// Why an executor is told to stop.
    enum StopReason: Sendable {
        case cancelled(String?)
        case timeout
        /// The process is going down; the run stays as it is.
        case draining
    }

    /// Somebody who waits for a frame, until a time of the monotonic clock at the latest.
    private struct Reader {
        let continuation: CheckedContinuation<Void, Never>
        let until: UInt64
    }

    private struct State {
        var result: RunResult?
        var waiting: [CheckedContinuation<RunResult, Never>] = []
        var frames: [RunFrame] = []
        var readers: [Int: Reader] = [:]
        var nextReader = 0
        var followers: [any RunFollower] = []
        var streams = 0
        var stop: StopReason?
        var task: Task<Void, Never>?
    }

    let lease: RunLease
    public let conversation: ConversationID?
    let plan: RunPlan
    let startedAt: Timestamp
    /// Journal position up to which the run had come when this process took it; frames of earlier entries are in the
    /// store alone.
    let firstPosition: Int
    /// Monotonic nanoseconds at which its time is up.
    let deadline: UInt64
    private let state = Mutex(State())

    public var ref: RunRef { lease.ref }

    init(
        lease: RunLease, conversation: ConversationID?, plan: RunPlan, startedAt: Timestamp, firstPosition: Int,
        deadline: UInt64
    ) {
        self.lease = lease
        self.conversation = conversation
        self.plan = plan
        self.startedAt = startedAt
        self.firstPosition = firstPosition
        self.deadline = deadline
    }

    // MARK: - Watching

    /// Waits until the run is over or pauses; returns at once when it has.
    public func result() async -> RunResult {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> RunResult? in
                if state.result == nil { state.waiting.append(continuation) }
                return state.result
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Whether the model should be asked to stream.
    var isWatched: Bool { state.withLock { $0.streams > 0 } }

    /// Says that somebody wants to read text as it comes.
    func watch() { state.withLock { $0.streams += 1 } }

    func unwatch() { state.withLock { $0.streams -= 1 } }

    func offer(_ frames: [RunFrame]) {
        guard !frames.isEmpty else { return }
        let (readers, followers) = state.withLock { state -> ([CheckedContinuation<Void, Never>], [any RunFollower]) in
            guard state.result == nil else { return ([], []) }
            state.frames.append(contentsOf: frames)
            return (Self.takeReaders(&state), state.followers)
        }
        for reader in readers { reader.resume() }
        for follower in followers { follower.runAdvanced() }
    }

    private static func takeReaders(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard !state.readers.isEmpty else { return [] }
        defer { state.readers.removeAll(keepingCapacity: true) }
        return state.readers.values.map(\.continuation)
    }

    /// Tells the follower of everything that comes from now on, until `unfollow`.
    func follow(_ follower: any RunFollower) { state.withLock { $0.followers.append(follower) } }

    func unfollow(_ follower: any RunFollower) {
        state.withLock { $0.followers.removeAll { $0 === follower } }
    }

    /// The frames from an index on, and whether there will be no more.
    func frames(from index: Int) -> (frames: [RunFrame], isOver: Bool) {
        // A copy: a slice would share the storage, and the next frame would copy all of it.
        state.withLock { (Array($0.frames[min(index, $0.frames.count)...]), $0.result != nil) }
    }

    /// Waits until there is a frame at the index, the run is over, the time is up (give or take the second between two
    /// calls of `wakeLate`), or the task is cancelled. No timer of its own: thousands wait at once.
    func waitForFrame(at index: Int, until: UInt64) async {
        let reader = state.withLock { state -> Int in
            state.nextReader += 1
            return state.nextReader
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Bool in
                    if state.frames.count > index || state.result != nil || Task.isCancelled { return true }
                    state.readers[reader] = Reader(continuation: continuation, until: until)
                    return false
                }
                if ready { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.readers.removeValue(forKey: reader) }?.continuation.resume()
        }
    }

    /// Wakes readers whose time is up.
    func wakeLate(now: UInt64) {
        let late = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            let late = state.readers.filter { $0.value.until <= now }
            for reader in late.keys { state.readers[reader] = nil }
            return late.values.map(\.continuation)
        }
        for reader in late { reader.resume() }
    }

    /// Ends the watching.
    /// - Parameter last: the frame that says how it ended.
    func finish(_ result: RunResult, _ last: RunFrame) {
        let (waiting, readers, followers) = state.withLock { state in
            if state.result == nil {
                state.result = result
                state.frames.append(last)
            }
            defer {
                state.waiting = []
                state.task = nil
            }
            return (state.waiting, Self.takeReaders(&state), state.followers)
        }
        for continuation in waiting { continuation.resume(returning: result) }
        for reader in readers { reader.resume() }
        for follower in followers { follower.runAdvanced() }
    }

    // MARK: - Stopping

    var stopReason: StopReason? { state.withLock { $0.stop } }

    /// Whether its time is up; that it is told so may still be to come.
    var isLate: Bool { deadline <= monotonicNanoseconds() }

    func adopt(_ task: Task<Void, Never>) {
        let stopped = state.withLock { state -> Bool in
            guard state.result == nil else { return false }
            state.task = task
            return state.stop != nil
        }
        if stopped { task.cancel() }
    }

    /// The first reason counts.
    func stop(_ reason: StopReason) {
        let task = state.withLock { state in
            if state.stop == nil { state.stop = reason }
            return state.task
        }
        task?.cancel()
    }
}
