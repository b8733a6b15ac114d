import AgentOSCore
import AgentOSWire
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Answers what is no HTTP with a 400 in the form of all other errors, and closes the connection.
///
/// While an answer to an earlier request of the connection is under way, the error is left to the server, which closes
/// the connection: answers come in the order of their requests.
public final class MalformedRequests: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    /// Requests that were begun and whose answers are not complete.
    private var open = 0
    /// Whether the newest of them has not come in completely.
    private var isReading = false
    private var hasBegunAnswer = false
    /// What still comes in is passed over.
    private var isRefused = false

    /// How long the connection stays open for reading behind the answer: closed at once with bytes unread, it would be
    /// reset, and the answer lost.
    private static let linger = TimeAmount.seconds(1)

    public init() {}

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            open += 1
            isReading = true
        case .end: isReading = false
        case .body: break
        }
        context.fireChannelRead(data)
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): hasBegunAnswer = head.status.kind != .informational
        case .end:
            open -= 1
            hasBegunAnswer = false
        case .body: break
        }
        context.write(data, promise: promise)
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isRefused else { return }
        let isFree = open == 0 || open == 1 && isReading && !hasBegunAnswer
        guard error is HTTPParserError, isFree else { return context.fireErrorCaught(error) }
        isRefused = true
        let body = Envelope.error(AgentOSError(.validation, "This is not a valid HTTP request."))
        var fields = HTTPFields()
        fields[.contentType] = "application/json"
        fields[.contentLength] = "\(body.count)"
        fields[.connection] = "close"
        fields[Header.requestID] = UUIDBits.v7(at: Timestamp(microseconds: Int64(monotonicNanoseconds() / 1000))).text
        context.write(wrapOutboundOut(.head(HTTPResponse(status: .badRequest, headerFields: fields))), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.linger) { channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension MalformedRequests: Sendable {}
