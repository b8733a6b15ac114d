import AgentOSClient
import AgentOSServer

/// What the process exits with.
enum ExitStatus: Int32 {
    case ok = 0
    case failed = 1
    case usage = 2
    case notAuthorised = 3
    case notFound = 4
}

/// Why a command ended without doing its work: one line for people, one number for scripts.
struct CommandFailure: Error {
    let message: String
    let status: ExitStatus

    init(_ message: String, _ status: ExitStatus = .failed) {
        self.message = message
        self.status = status
    }

    /// Nil for errors that are the argument parser's to explain.
    init?(_ error: any Error) {
        switch error {
        case let error as CommandFailure: self = error
        case let error as AgentOSError: self.init(Self.text(of: error), Self.status(of: error.code))
        case let error as ConnectionError: self.init(error.message)
        case let error as StartupError: self.init(error.message)
        case is CancellationError: self.init("Cancelled.")
        default: return nil
        }
    }

    private static func text(of error: AgentOSError) -> String {
        var text = error.message
        for detail in error.details where !text.contains(detail.message) {
            text += "; \(detail.path): \(detail.message)"
        }
        if error.code == .unauthenticated { text += " (Check --key or AGENTOS_API_KEY.)" }
        if let seconds = error.retryAfter { text += " Try again in \(seconds) s." }
        if let run = error.runID { text += " (run \(run))" }
        return text
    }

    private static func status(of code: ErrorCode) -> ExitStatus {
        switch code {
        case .unauthenticated, .forbidden: .notAuthorised
        case .notFound: .notFound
        case .validation, .rateLimited, .paymentRequired, .timeout, .conflict, .internal, .unavailable, .provider,
            .payloadTooLarge, .methodNotAllowed:
            .failed
        }
    }
}
