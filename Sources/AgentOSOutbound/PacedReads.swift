import NIOCore
import NIOHTTP1
import Synchronization

/// Where the connections of a client read in rounds, one at a time for each thread of the network.
final class ReadRounds: Sendable {
    private let loops = Mutex<[ObjectIdentifier: ReadRound]>([:])

    private func round(of loop: any EventLoop) -> ReadRound {
        loops.withLock { loops in
            let key = ObjectIdentifier(loop)
            if let known = loops[key] { return known }
            let new = ReadRound(loop)
            loops[key] = new
            return new
        }
    }

    /// Lets a new HTTP/1.1 connection take part.
    func pace(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(PacedReads(self.round(of: channel.eventLoop)), position: .first)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(GatheredBody(), position: .after(decoder))
        }
    }
}

/// Lets the connections of one thread of the network read in rounds when very many of them move at once.
///
/// A model's reply comes in small pieces, and reading a connection costs more than a piece. While few connections read,
/// each does as soon as it likes. When a round has grown long, the next begins only after a wait in proportion to it:
/// each connection then finds two or three pieces at once, reading takes no more than a part of the thread's time, and
/// no piece waits longer than `longestWait` for it.
final class ReadRound: Sendable {
    /// The wait after a round, for each connection that took part; a read with what follows it takes about a quarter of
    /// that.
    static let waitPerRead = TimeAmount.microseconds(40)
    /// Waits below this are none: a timer would cost more than it gains.
    static let shortestWait = TimeAmount.milliseconds(2)
    static let longestWait = TimeAmount.milliseconds(40)

    private struct State {
        var waiting: [PacedReads] = []
        var isDue = false
        /// Reads since `begin`.
        var reads = 0
        var begin = NIODeadline.now()
    }

    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>

    init(_ loop: any EventLoop) {
        self.loop = loop
        state = .makeBoxSendingValue(State(), eventLoop: loop)
    }

    /// - Returns: whether the connection may read now; else it is told when.
    fileprivate func admits(_ connection: PacedReads) -> Bool {
        if state.value.isDue {
            state.value.waiting.append(connection)
            return false
        }
        state.value.reads += 1
        let wait = min(Self.longestWait, Self.waitPerRead * state.value.reads)
        guard wait >= Self.shortestWait else { return true }
        let now = NIODeadline.now()
        if now - state.value.begin >= wait {
            (state.value.reads, state.value.begin) = (1, now)
            return true
        }
        state.value.isDue = true
        state.value.waiting.append(connection)
        loop.assumeIsolated().scheduleTask(deadline: state.value.begin + wait) { self.run() }
        return false
    }

    private func run() {
        let waiting = state.value.waiting
        state.value.waiting = []
        state.value.isDue = false
        (state.value.reads, state.value.begin) = (waiting.count, .now())
        for connection in waiting { connection.readNow() }
    }
}

/// Stands first in a connection's pipeline and lets it read when its thread's round comes.
final class PacedReads: ChannelOutboundHandler {
    typealias OutboundIn = Any
    typealias OutboundOut = Any

    private let round: ReadRound
    private var context: ChannelHandlerContext?
    private var isWaiting = false

    init(_ round: ReadRound) { self.round = round }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        guard !isWaiting else { return }
        if round.admits(self) { context.read() } else { isWaiting = true }
    }

    fileprivate func readNow() {
        isWaiting = false
        context?.read()
    }
}

@available(*, unavailable)
extension PacedReads: Sendable {}

/// Passes on what one reading brought of a body as one part, whatever chunks it came in: every part costs as much as
/// what is done with it.
final class GatheredBody: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var body: ByteBuffer?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .body(var part) = unwrapInboundIn(data) else {
            pass(context)
            return context.fireChannelRead(data)
        }
        if body?.writeBuffer(&part) == nil { body = part }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        pass(context)
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        pass(context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        pass(context)
        context.fireErrorCaught(error)
    }

    private func pass(_ context: ChannelHandlerContext) {
        guard let whole = body else { return }
        body = nil
        context.fireChannelRead(wrapInboundOut(.body(whole)))
    }
}

@available(*, unavailable)
extension GatheredBody: Sendable {}
