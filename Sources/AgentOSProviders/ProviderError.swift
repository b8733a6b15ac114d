import AgentOSCore

/// Why a model call brought no reply.
public struct ProviderError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable, Equatable {
        /// The provider does not accept the request (4xx), or the model or a filter declines to answer it.
        case refused
        /// It does not accept the key (401, 403).
        case unauthorised
        /// It does not have the model, or nothing at all at this address (404).
        case modelNotFound
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
    /// The tokens that the provider counted all the same; nil when it told of none.
    public internal(set) var usage: TokenUsage?

    /// Whether another model can succeed with the same request: the fault lies with the provider or the model, not
    /// with the key or what was asked.
    public var canFallBack: Bool {
        switch kind {
        case .rateLimited, .overloaded, .serverError, .unreachable, .malformed, .modelNotFound: true
        case .refused, .unauthorised: false
        }
    }

    public init(
        _ kind: Kind, status: Int? = nil, _ message: String, retryAfter: Double? = nil, repeats: Int? = nil
    ) {
        self.kind = kind
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
        switch kind {
        case .refused, .unauthorised, .modelNotFound, .malformed: self.repeats = repeats ?? 0
        case .rateLimited, .overloaded, .serverError, .unreachable: self.repeats = repeats ?? 2
        }
    }

    public var description: String { message }

    /// The same error with what the provider counted besides.
    func counting(_ usage: TokenUsage) -> ProviderError {
        guard usage != TokenUsage() else { return self }
        var error = self
        error.usage = usage + (self.usage ?? TokenUsage())
        return error
    }

    /// The kind that a status outside 200..<300 stands for.
    /// - Parameter code: the code inside the error, where the provider has any; some say with it that they lack the
    ///   model under another status.
    static func kind(ofStatus status: Int, code: String? = nil) -> Kind {
        if code == "model_not_found", (400..<500).contains(status) { return .modelNotFound }
        return switch status {
        case 401, 403: .unauthorised
        case 404: .modelNotFound
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
        case "not_found_error", "model_not_found": .modelNotFound
        case "invalid_request_error", "request_too_large", "billing_error": .refused
        default: .serverError
        }
    }
}
