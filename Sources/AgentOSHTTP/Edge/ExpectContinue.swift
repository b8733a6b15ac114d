import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Answers `expect: 100-continue`, so that clients which ask before they send a large body do not wait in vain. A body
/// that is larger than any limit is not asked for; its request gets its 413 at once.
public final class ExpectContinue: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundOut = HTTPResponsePart

    private let largestBody: Int

    public init(largestBody: Int) { self.largestBody = largestBody }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let request) = unwrapInboundIn(data),
            request.headerFields[.expect]?.lowercased() == "100-continue",
            request.headerFields[.contentLength].flatMap({ Int($0) }) ?? 0 <= largestBody
        {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }
}
