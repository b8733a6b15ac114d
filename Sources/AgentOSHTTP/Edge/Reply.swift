import AgentOSCore
import AgentOSWire
import HTTPTypes
import Hummingbird
import NIOCore

/// Names of headers that HTTPTypes does not have.
enum Header {
    static let requestID = name("x-request-id")
    static let nextCursor = name("x-next-cursor")
    static let limit = name("x-ratelimit-limit")
    static let remaining = name("x-ratelimit-remaining")
    static let reset = name("x-ratelimit-reset")
    static let retryAfter = name("retry-after")
    static let allow = name("allow")
    static let securityPolicy = name("content-security-policy")
    static let contentTypeOptions = name("x-content-type-options")
    static let referrerPolicy = name("referrer-policy")
    static let idempotencyKey = name("idempotency-key")
    static let lastEventID = name("last-event-id")

    private static func name(_ text: String) -> HTTPField.Name { HTTPField.Name(text) ?? .trailer }
}

/// An answer before it becomes HTTP.
struct Reply: Sendable {
    var status = 200
    var body: [UInt8]
    var contentType = "application/json"
    var headers: [(HTTPField.Name, String)] = []
    /// Set for an event stream instead of a body.
    var stream: (@Sendable (inout any ResponseBodyWriter) async throws -> Void)?

    init(_ body: [UInt8], status: Int = 200) {
        self.body = body
        self.status = status
    }

    /// `{"data": …, "error": null}`
    static func data(_ write: (inout JSONWriter) -> Void, status: Int = 200) -> Reply {
        Reply(Envelope.data(write), status: status)
    }

    static func error(_ error: AgentOSError) -> Reply {
        var reply = Reply(Envelope.error(error), status: error.code.status)
        if let seconds = error.retryAfter { reply.headers.append((Header.retryAfter, "\(max(1, seconds))")) }
        if error.code == .unauthenticated { reply.headers.append((.wwwAuthenticate, "Bearer")) }
        return reply
    }

    /// A page for people, which may load nothing from elsewhere.
    static func page(_ html: [UInt8], status: Int = 200) -> Reply {
        var reply = Reply(html, status: status)
        reply.contentType = "text/html; charset=utf-8"
        reply.headers += [
            (
                Header.securityPolicy,
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ), (Header.contentTypeOptions, "nosniff"), (Header.referrerPolicy, "no-referrer"),
        ]
        return reply
    }

    /// A stream of server-sent events; every write is flushed.
    static func events(_ stream: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void) -> Reply {
        var reply = Reply([])
        reply.contentType = "text/event-stream"
        reply.headers.append((.cacheControl, "no-cache"))
        reply.stream = stream
        return reply
    }

    /// - Parameter isHead: whether only the headers were asked for; a body would be taken for the next answer.
    func response(_ fields: HTTPFields, isHead: Bool) -> Response {
        var headers = fields
        headers[.contentType] = contentType
        for (name, value) in self.headers { headers[name] = value }
        if isHead {
            let length = stream == nil ? body.count : nil
            return Response(
                status: .init(code: status), headers: headers,
                body: ResponseBody(contentLength: length) { try await $0.finish(nil) })
        }
        guard let stream else {
            return Response(
                status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
        }
        return Response(
            status: .init(code: status), headers: headers,
            body: ResponseBody { writer in
                var erased: any ResponseBodyWriter = writer
                try await stream(&erased)
                try await erased.finish(nil)
            })
    }
}
