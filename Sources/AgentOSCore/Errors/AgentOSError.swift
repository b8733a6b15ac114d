/// The closed list of error codes of the wire contract. Clients decide by these, never by the message.
public enum ErrorCode: String, Sendable, CaseIterable {
    case unauthenticated = "UNAUTHENTICATED"
    case forbidden = "FORBIDDEN"
    case notFound = "NOT_FOUND"
    case validation = "VALIDATION_ERROR"
    case rateLimited = "RATE_LIMITED"
    case paymentRequired = "PAYMENT_REQUIRED"
    case timeout = "TIMEOUT"
    case conflict = "CONFLICT"
    case `internal` = "INTERNAL_ERROR"
    /// The server cannot take this now (draining, disk nearly full): same wire code as `internal`, status 503.
    case unavailable = "INTERNAL_ERROR/503"
    case provider = "PROVIDER_ERROR"
    case payloadTooLarge = "PAYLOAD_TOO_LARGE"
    case methodNotAllowed = "METHOD_NOT_ALLOWED"

    /// The word that goes into `error.code`.
    public var wire: String { self == .unavailable ? ErrorCode.internal.rawValue : rawValue }

    /// The HTTP status of an answer with this code.
    public var status: Int {
        switch self {
        case .validation: 400
        case .unauthenticated: 401
        case .paymentRequired: 402
        case .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .timeout: 408
        case .conflict: 409
        case .payloadTooLarge: 413
        case .rateLimited: 429
        case .internal: 500
        case .provider: 502
        case .unavailable: 503
        }
    }

    /// The code that a stored or received word stands for; unknown words become `internal`.
    public init(wire: String) { self = ErrorCode(rawValue: wire) ?? .internal }
}

/// One offending field of a refused request.
public struct FieldError: Sendable, Equatable {
    /// Where it is, e.g. `events[3].level`.
    public let path: String
    /// What is wrong, without the value.
    public let message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }
}

/// The one error that crosses module borders and, at the edge, the wire.
public struct AgentOSError: Error, Sendable, Equatable {
    public var code: ErrorCode
    /// For people. Never holds a secret, a payload or an upstream body.
    public var message: String
    public var details: [FieldError]
    /// Set when a failed call did create a run.
    public var runID: RunID?
    /// Seconds until a repeat makes sense; rendered as `Retry-After`.
    public var retryAfter: Int?

    public init(
        _ code: ErrorCode, _ message: String, details: [FieldError] = [], runID: RunID? = nil, retryAfter: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.runID = runID
        self.retryAfter = retryAfter
    }

    /// A 400 that names the field.
    public static func invalid(_ path: String, _ problem: String) -> AgentOSError {
        AgentOSError(.validation, "\(path): \(problem)", details: [FieldError(path: path, message: problem)])
    }

    public static func notFound(_ noun: String) -> AgentOSError {
        AgentOSError(.notFound, "No \(noun) with this id.")
    }

    public static let shuttingDown = AgentOSError(
        .unavailable, "The server is shutting down; try again in a moment.", retryAfter: 1)

    /// For whoever waits for a run that stays as it is while the server is away.
    public static func putOff(run: RunID) -> AgentOSError {
        var error = shuttingDown
        error.message = "The server is shutting down; the run goes on when it is back."
        error.runID = run
        return error
    }
}
