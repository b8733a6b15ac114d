import AgentOSCore
import AgentOSStore
import AgentOSWire

/// One reader of a run's frames, from any place on: out of the store what is past, then what comes, through pauses and
/// restarts, until the run is over.
///
/// A reader that begins before the run's present pause ends with the frame that tells of it; one that has seen that
/// frame waits for the run to go on.
public final class RunStream {
    /// What `next` found.
    public enum Step: Sendable {
        case frames([RunFrame])
        /// Nothing within the time.
        case quiet
        case end
    }

    private let runtime: Runtime
    private let ref: RunRef
    private var cursor: FrameID
    /// The reader's place in the run while this process executes it. Whoever would rather be told than wait reads from
    /// here until it is over, and then calls `next` again.
    public private(set) var live: LiveTail?
    private var isOver = false

    /// - Parameter after: the last frame the reader has seen.
    init(_ runtime: Runtime, _ ref: RunRef, after: FrameID, live: LiveRun?) {
        self.runtime = runtime
        self.ref = ref
        cursor = after
        // A reader of the whole of a run that began here needs nothing from the store.
        if let live, live.firstPosition == 0 { attach(live) }
    }

    private func attach(_ run: LiveRun) { live = LiveTail(run, after: cursor) }

    /// The next frames, waiting for them at most so long.
    /// - Throws: NOT_FOUND when the run is gone; 503 when this process stops while nobody executes the run here.
    public func next(seconds: Double) async throws -> Step {
        let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
        while true {
            if isOver || live?.sawLast == true { return .end }
            let left = Double(Int64(bitPattern: end &- monotonicNanoseconds())) / 1e9
            if left <= 0 || Task.isCancelled { return .quiet }
            if let step = try await step(waiting: left, until: end) { return step }
        }
    }

    private func step(waiting seconds: Double, until end: UInt64) async throws -> Step? {
        if let tail = live {
            let (frames, over) = tail.take()
            if !frames.isEmpty { return .frames(frames) }
            if over {
                cursor = tail.cursor
                live = nil
                return nil
            }
            await tail.wait(until: end)
            return nil
        }
        let listener = runtime.launches.listen(ref.key)
        let running = runtime.live(ref)
        if let running, cursor.entry >= running.firstPosition - 1 {
            runtime.launches.stop(listener)
            attach(running)
            return nil
        }
        let (frames, state) = try await runtime.recordedFrames(of: ref, after: cursor)
        if !frames.isEmpty {
            runtime.launches.stop(listener)
            return deliver(frames)
        }
        if state.status.isTerminal {
            runtime.launches.stop(listener)
            isOver = true
            return .end
        }
        if let running = runtime.live(ref) {
            // Everything before this process took the run has been told.
            runtime.launches.stop(listener)
            attach(running)
            return nil
        }
        if runtime.launches.isSilenced {
            runtime.launches.stop(listener)
            throw AgentOSError.putOff(run: ref.id)
        }
        await runtime.launches.wait(listener, seconds: min(seconds, 1))
        return nil
    }

    private func deliver(_ frames: [RunFrame]) -> Step {
        if let last = frames.last(where: { $0.id != nil })?.id { cursor = last }
        isOver = frames.last?.frame.isTerminal == true
        return .frames(frames)
    }
}
