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
    private var live: (run: LiveRun, index: Int)?
    private var isOver = false

    /// - Parameter after: the last frame the reader has seen.
    init(_ runtime: Runtime, _ ref: RunRef, after: FrameID, live: LiveRun?) {
        self.runtime = runtime
        self.ref = ref
        cursor = after
        // A reader of the whole of a run that began here needs nothing from the store.
        if let live, live.firstPosition == 0 { attach(live) }
    }

    deinit { live?.run.unwatch() }

    private func attach(_ run: LiveRun) {
        run.watch()
        live = (run, 0)
    }

    private func detach() {
        live?.run.unwatch()
        live = nil
    }

    /// The next frames, waiting for them at most so long.
    /// - Throws: NOT_FOUND when the run is gone.
    public func next(seconds: Double) async throws -> Step {
        if isOver { return .end }
        let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
        while true {
            let left = Double(Int64(bitPattern: end &- monotonicNanoseconds())) / 1e9
            if left <= 0 || Task.isCancelled { return .quiet }
            if let step = try await step(waiting: left, until: end) { return step }
        }
    }

    private func step(waiting seconds: Double, until end: UInt64) async throws -> Step? {
        if let (run, index) = live {
            let (found, over) = run.frames(from: index)
            if !found.isEmpty {
                live = (run, index + found.count)
                let fresh = found.filter { $0.id.map { $0 > cursor } ?? true }
                return fresh.isEmpty ? nil : deliver(fresh)
            }
            if over {
                detach()
                return nil
            }
            await run.waitForFrame(at: index, until: end)
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
        await runtime.launches.wait(listener, seconds: min(seconds, 1))
        return nil
    }

    private func deliver(_ frames: [RunFrame]) -> Step {
        if let last = frames.last(where: { $0.id != nil })?.id { cursor = last }
        isOver = frames.last?.frame.isTerminal == true
        return .frames(frames)
    }
}
