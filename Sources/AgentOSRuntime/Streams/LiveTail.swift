import AgentOSWire
import Synchronization

/// Somebody who is told that a run which this process executes has come further.
public protocol RunFollower: AnyObject, Sendable {
    /// There are new frames, or the run is over here. Called on any thread and often: it returns at once and may look
    /// later, at all that has come by then.
    func runAdvanced()
}

/// Where one reader stands in the frames of a run that this process executes.
public final class LiveTail: Sendable {
    private struct Place {
        var index = 0
        var cursor: FrameID
        var sawLast = false
    }

    private let run: LiveRun
    private let place: Mutex<Place>

    /// - Parameter after: frames up to this one are passed over.
    init(_ run: LiveRun, after: FrameID) {
        self.run = run
        place = Mutex(Place(cursor: after))
        run.watch()
    }

    deinit { run.unwatch() }

    /// The last frame that was taken.
    var cursor: FrameID { place.withLock { $0.cursor } }

    /// Whether a frame was taken behind which the stream ends.
    var sawLast: Bool { place.withLock { $0.sawLast } }

    /// The frames that have come since the last call, and whether no more will come from here: the run is over, has
    /// paused, or goes on elsewhere.
    public func take() -> (frames: [RunFrame], isOver: Bool) {
        place.withLock { place in
            let (found, isOver) = run.frames(from: place.index)
            place.index += found.count
            let cursor = place.cursor
            let fresh = found.filter { $0.id.map { $0 > cursor } ?? true }
            if let last = fresh.last(where: { $0.id != nil })?.id { place.cursor = last }
            if fresh.last?.frame.isTerminal == true { place.sawLast = true }
            return (fresh, isOver || place.sawLast)
        }
    }

    /// Waits until `take` has something to give, or until a time of the monotonic clock.
    func wait(until: UInt64) async {
        await run.waitForFrame(at: place.withLock { $0.index }, until: until)
    }

    public func follow(_ follower: any RunFollower) { run.follow(follower) }

    public func unfollow(_ follower: any RunFollower) { run.unfollow(follower) }
}
