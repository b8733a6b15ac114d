/// Why an outbound request brought no answer. The message is for people and for models; it names the host at most.
public struct OutboundError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The URL is not one the server can call (scheme, user information, host, port).
        case badURL
        /// A method or header is not allowed.
        case badRequest
        /// The host leads to an address that is not public. Nothing was sent.
        case refusedAddress
        /// The host name is unknown. Nothing was sent.
        case unresolved
        /// The time was up; something may have been sent.
        case timeout
        /// No connection could be made. Nothing was sent.
        case unreachable
        /// The connection failed after it was made; the request may have been carried out.
        case connection
        /// More redirects than allowed.
        case tooManyRedirects
        /// A body is larger than allowed where it cannot be cut.
        case tooLarge
        /// The client was shut down.
        case shutDown
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
