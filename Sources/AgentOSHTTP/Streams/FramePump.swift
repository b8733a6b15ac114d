import AgentOSCore
import AgentOSRuntime
import AgentOSWire
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Writes the frames of a run to a caller's connection on the connection's own thread, as the run comes along.
///
/// The caller's task sleeps meanwhile: waking it for every piece of every stream would cost more than the piece. Frames
/// stay with the run until they are written, so a slow reader holds up nothing but its own pump.
final class FramePump: RunFollower, WriteRoundMember {
    static let ping = ByteBuffer(string: ": ping\n\n")

    private struct State {
        var tail: LiveTail?
        var done: CheckedContinuation<Void, any Error>?
        /// The connection takes nothing at the moment.
        var isBlocked = false
        /// Why no more may be written.
        var stop: (any Error)?
        var lastWrite = NIODeadline.uptimeNanoseconds(0)
        var pings: Scheduled<Void>?
    }

    private let channel: any Channel
    private let round: WriteRound
    private let quiet: TimeAmount
    /// Whether the pump takes part in the next round already.
    private let isAdded = Atomic(false)
    private let state: NIOLoopBoundBox<State>

    /// - Parameter ping: seconds of silence after which a comment is sent.
    init(_ channel: any Channel, _ round: WriteRound, ping: Double) {
        self.channel = channel
        self.round = round
        quiet = .nanoseconds(Int64(ping * 1e9))
        state = .makeBoxSendingValue(State(), eventLoop: channel.eventLoop)
    }

    /// Frames as they go over the wire.
    static func encode(_ frames: [RunFrame]) -> ByteBuffer {
        var out = JSONWriter(asciiOnly: true, capacity: 128 * frames.count)
        for frame in frames { frame.frame.append(id: frame.id, to: &out) }
        return ByteBuffer(bytes: out.bytes)
    }

    /// A frame without a place in the run.
    static func encode(_ frame: InvokeFrame) -> ByteBuffer {
        var out = JSONWriter(asciiOnly: true, capacity: 256)
        frame.append(id: nil, to: &out)
        return ByteBuffer(bytes: out.bytes)
    }

    /// Writes what comes from a tail until it is over. What was written to the connection before goes out before.
    /// - Throws: when the connection fails; what `stop` was given; `CancellationError`
    func run(_ tail: LiveTail) async throws {
        tail.follow(self)
        defer { tail.unfollow(self) }
        let loop = channel.eventLoop
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                loop.execute {
                    if let stop = self.state.value.stop { return done.resume(throwing: stop) }
                    self.state.value.tail = tail
                    self.state.value.done = done
                    self.channel.closeFuture.whenComplete { [weak self] _ in self?.end(ChannelError.alreadyClosed) }
                    self.pingLater(after: self.quiet)
                    self.write()
                }
            }
        } onCancel: {
            stop(CancellationError())
        }
    }

    /// Writes no more, now and later. From any thread.
    func stop(_ error: any Error) {
        channel.eventLoop.execute {
            if self.state.value.stop == nil { self.state.value.stop = error }
            self.end(error)
        }
    }

    func runAdvanced() {
        guard !isAdded.exchange(true, ordering: .acquiringAndReleasing) else { return }
        round.add(self)
    }

    func write() {
        // Before looking: what comes behind the look asks for another round.
        isAdded.store(false, ordering: .sequentiallyConsistent)
        guard let tail = state.value.tail, !state.value.isBlocked else { return }
        guard channel.isWritable else { return waitUntilWritable() }
        let (frames, isOver) = tail.take()
        if !frames.isEmpty { send(Self.encode(frames)) }
        if isOver { end(nil) }
    }

    /// Without a promise, which costs as much as the write: when the connection fails it closes, and that is heard of.
    private func send(_ bytes: ByteBuffer) {
        state.value.lastWrite = .now()
        channel.writeAndFlush(HTTPResponsePart.body(bytes), promise: nil)
    }

    /// An empty part is no bytes on the wire; it is done when all before it has gone out.
    private func waitUntilWritable() {
        state.value.isBlocked = true
        channel.writeAndFlush(HTTPResponsePart.body(ByteBuffer())).assumeIsolated().whenComplete { result in
            self.state.value.isBlocked = false
            if case .failure(let error) = result { return self.end(error) }
            self.write()
        }
    }

    private func pingLater(after wait: TimeAmount) {
        state.value.pings = channel.eventLoop.assumeIsolated().scheduleTask(in: wait) {
            guard self.state.value.tail != nil else { return }
            let silent = NIODeadline.now() - self.state.value.lastWrite
            if silent < self.quiet { return self.pingLater(after: self.quiet - silent) }
            if self.channel.isWritable { self.send(Self.ping) }
            self.pingLater(after: self.quiet)
        }
    }

    private func end(_ error: (any Error)?) {
        guard let done = state.value.done else { return }
        state.value.pings?.cancel()
        (state.value.tail, state.value.done, state.value.pings) = (nil, nil, nil)
        if let error { done.resume(throwing: error) } else { done.resume() }
    }
}
