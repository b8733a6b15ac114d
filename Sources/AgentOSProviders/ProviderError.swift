/// Why a model call brought no reply.
public struct ProviderError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable, Equatable {
        /// The provider does not accept the request (4xx).
        case refused
        /// It does not accept the key (401, 403).
        case unauthorised
        case rateLimited
        case overloaded
        case serverError
        /// No connection, or one that was cut or fell silent.
        case unreachable
        /// An answer that is no reply, or not a whole one.
        case malformed
    }

    public let kind: Kind
    /// The HTTP status, when there was one.
    public let status: Int?
    /// For people. May hold a short redacted message of the provider, never a key, never a body.
    public let message: String
    /// Seconds the provider asks to wait.
    public let retryAfter: Double?
    /// How many further attempts can make sense: 0, 1 (a reply that broke off) or 2.
    public let repeats: Int

    public var isRetryable: Bool { repeats > 0 }

    public init(
        _ kind: Kind, status: Int? = nil, _ message: String, retryAfter: Double? = nil, repeats: Int? = nil
    ) {
        self.kind = kind
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
        switch kind {
        case .refused, .unauthorised, .malformed: self.repeats = repeats ?? 0
        case .rateLimited, .overloaded, .serverError, .unreachable: self.repeats = repeats ?? 2
        }
    }

    public var description: String { message }

    /// The kind that a status outside 200..<300 stands for.
    static func kind(ofStatus status: Int) -> Kind {
        switch status {
        case 401, 403: .unauthorised
        case 429: .rateLimited
        case 503, 529: .overloaded
        case 408, 500...: .serverError
        default: .refused
        }
    }

    /// The kind that an error's type stands for when it comes inside a stream.
    static func kind(ofType type: String) -> Kind {
        switch type {
        case "overloaded_error": .overloaded
        case "rate_limit_error", "rate_limit_exceeded": .rateLimited
        case "authentication_error", "permission_error": .unauthorised
        case "invalid_request_error", "not_found_error", "request_too_large", "billing_error": .refused
        default: .serverError
        }
    }
}
