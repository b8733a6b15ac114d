import AgentOSCore
import AgentOSStore
import AgentOSWire
import DequeModule
import Synchronization

/// How a hosted run came out, as its caller hears it.
public enum RunResult: Sendable {
    /// `output` is JSON.
    case completed(output: [UInt8], durationMilliseconds: Int)
    /// Carries the run's id.
    case failed(AgentOSError)
}

/// A run that this process executes: what it is being stopped for, and who watches it.
///
/// The callers are watchers like any other: when they leave, the run goes on.
public final class LiveRun: Sendable {
    /// Why an executor is told to stop.
    enum StopReason: Sendable {
        case cancelled(String?)
        case timeout
        /// The process is going down; the run stays as it is.
        case draining
    }

    /// Frames for one stream. Text that is not yet taken is joined, so that a slow reader holds one frame, not many.
    public final class Frames: Sendable {
        private struct State {
            var waiting = Deque<InvokeFrame>()
            var reader: CheckedContinuation<Void, Never>?
            var ended = false
        }

        private let state = Mutex(State())

        fileprivate func offer(_ frame: InvokeFrame) {
            let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard !state.ended else { return nil }
                if case .chunk(let text) = frame, case .chunk(let last)? = state.waiting.last {
                    state.waiting[state.waiting.count - 1] = .chunk(last + text)
                } else {
                    state.waiting.append(frame)
                }
                state.ended = frame.isTerminal
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume()
        }

        /// The next frame; nil when none came within the time.
        public func next(seconds: Double) async -> InvokeFrame? {
            if let ready = take() { return ready }
            await waitAtMost(seconds: seconds) { await self.wait() }
            return take()
        }

        private func take() -> InvokeFrame? { state.withLock { $0.waiting.popFirst() } }

        private func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let ready = state.withLock { state -> Bool in
                        if !state.waiting.isEmpty || Task.isCancelled { return true }
                        state.reader = continuation
                        return false
                    }
                    if ready { continuation.resume() }
                }
            } onCancel: {
                let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    defer { state.reader = nil }
                    return state.reader
                }
                reader?.resume()
            }
        }
    }

    private struct State {
        var result: RunResult?
        var waiting: [CheckedContinuation<RunResult, Never>] = []
        var streams: [Frames] = []
        var stop: StopReason?
        var task: Task<Void, Never>?
    }

    public let ref: RunRef
    public let conversation: ConversationID?
    /// 1 for a run from outside, one more for each `invoke_agent` above it.
    let depth: Int
    let startedAt: Timestamp
    /// Monotonic nanoseconds at which its time is up.
    let deadline: UInt64
    private let state = Mutex(State())

    init(ref: RunRef, conversation: ConversationID?, depth: Int, startedAt: Timestamp, deadline: UInt64) {
        self.ref = ref
        self.conversation = conversation
        self.depth = depth
        self.startedAt = startedAt
        self.deadline = deadline
    }

    // MARK: - Watching

    /// Begins with the `start` frame. Subscribe before `Runtime.launch` to miss nothing.
    public func stream() -> Frames {
        let frames = Frames()
        frames.offer(.start(ref.id))
        let result = state.withLock { state -> RunResult? in
            state.streams.append(frames)
            return state.result
        }
        if let result { frames.offer(terminalFrame(result)) }
        return frames
    }

    /// Waits for the end; returns at once when the run is over.
    public func result() async -> RunResult {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> RunResult? in
                if state.result == nil { state.waiting.append(continuation) }
                return state.result
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    func offer(_ frame: InvokeFrame) {
        for stream in state.withLock({ $0.streams }) { stream.offer(frame) }
    }

    var isWatched: Bool { state.withLock { !$0.streams.isEmpty } }

    func finish(_ result: RunResult) {
        let (waiting, streams) = state.withLock { state in
            state.result = state.result ?? result
            defer {
                state.waiting = []
                state.streams = []
                state.task = nil
            }
            return (state.waiting, state.streams)
        }
        let frame = streams.isEmpty ? nil : terminalFrame(result)
        for stream in streams { if let frame { stream.offer(frame) } }
        for continuation in waiting { continuation.resume(returning: result) }
    }

    private func terminalFrame(_ result: RunResult) -> InvokeFrame {
        switch result {
        case .completed(let output, let duration):
            .done(ref.id, output: output, durationMilliseconds: duration, session: conversation)
        case .failed(let error): .error(error.frame)
        }
    }

    // MARK: - Stopping

    var stopReason: StopReason? { state.withLock { $0.stop } }

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
