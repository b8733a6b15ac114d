import AsyncHTTPClient

/// There was no answer, or none that comes from an AgentOS server. Whether the call took effect is unknown, unless
/// `kind` says that it was never sent.
public struct ConnectionError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The client is set up in a way that cannot work; nothing was sent.
        case configuration
        /// No connection could be made; nothing was sent.
        case unreachable
        /// The connection broke, or no answer came in time.
        case interrupted
        /// Something answered that is not an AgentOS server, or a redirect: those are never followed.
        case unexpectedAnswer
    }

    public let kind: Kind
    /// One sentence for people; holds no key.
    public let message: String
    /// The HTTP status, when there was one.
    public let status: Int?

    init(_ kind: Kind, _ message: String, status: Int? = nil) {
        self.kind = kind
        self.message = message
        self.status = status
    }

    public var description: String { message }

    /// Puts what the HTTP client threw into words.
    init(_ error: any Error, baseURL: String) {
        switch error {
        case let error as ConnectionError:
            self = error
        case let error as HTTPClientError where error == .connectTimeout:
            self.init(.unreachable, "Cannot reach \(baseURL): no connection within the time limit.")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            self.init(.interrupted, "\(baseURL) did not answer in time.")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            self.init(.interrupted, "\(baseURL) closed the connection before its answer was complete.")
        case let error as HTTPClientError where error == .invalidURL || error == .emptyHost:
            self.init(.configuration, "This is not a URL that can be called: \(baseURL)")
        default:
            // What a failed connection throws differs by cause and by platform; the text tells them apart.
            let text = "\(error)"
            if text.contains("errno: \(Self.refused)") {
                self.init(.unreachable, "Cannot reach \(baseURL): nothing listens there (connection refused).")
            } else if text.contains("UnknownHost") || text.contains("dnsAError: Optional") {
                self.init(.unreachable, "Cannot reach \(baseURL): the name cannot be resolved.")
            } else if String(reflecting: type(of: error)).hasPrefix("NIOSSL.") {
                self.init(
                    .unreachable,
                    "Cannot reach \(baseURL): no secure connection; check whether it is to begin with http://, and the "
                        + "certificate of the server (\(text)).")
            } else if text.contains("NIOConnectionError") {
                self.init(.unreachable, "Cannot reach \(baseURL): no route to it.")
            } else {
                self.init(.interrupted, "Cannot talk to \(baseURL): \(text).")
            }
        }
    }

    #if os(Linux)
        private static let refused = 111
    #else
        private static let refused = 61
    #endif
}
