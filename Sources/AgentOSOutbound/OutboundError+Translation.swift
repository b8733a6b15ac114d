import AsyncHTTPClient
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension OutboundError {
    /// What the HTTP client's error means. Cancellation stays cancellation.
    static func translate(_ error: any Error, by deadline: Deadline?) -> any Error {
        if error is OutboundError || error is CancellationError { return error }
        if Task.isCancelled { return CancellationError() }
        switch error {
        case let error as HTTPClientError: return translate(error, by: deadline)
        case let error as IOError where neverConnected.contains(error.errnoCode):
            return OutboundError(.unreachable, "The connection was refused or the host cannot be reached.")
        case let error as ChannelError where isConnectTimeout(error):
            return OutboundError(.unreachable, "No connection could be made in time.")
        case is NIOConnectionError:
            return OutboundError(.unreachable, "No connection could be made.")
        // The errors of TLS come from a module that is not ours to import.
        default:
            let isTLS = String(reflecting: type(of: error)).hasPrefix("NIOSSL.")
            return OutboundError(
                .connection,
                isTLS
                    ? "The secure connection failed (certificate or protocol)."
                    : "The connection failed before the answer was complete.")
        }
    }

    private static let neverConnected: Set<Int32> = [
        ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, ETIMEDOUT, EHOSTDOWN, ENETDOWN,
    ]

    private static func isConnectTimeout(_ error: ChannelError) -> Bool {
        if case .connectTimeout = error { true } else { false }
    }

    private static func translate(_ error: HTTPClientError, by deadline: Deadline?) -> any Error {
        switch error {
        case .cancelled: OutboundError(.shutDown, "The request was given up because the server is shutting down.")
        case .alreadyShutdown: OutboundError(.shutDown, "The server is shutting down.")
        case .deadlineExceeded: deadline?.error ?? OutboundError(.timeout, "The other side fell silent.")
        case .readTimeout, .writeTimeout: OutboundError(.timeout, "The other side fell silent.")
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            OutboundError(.unreachable, "No connection could be made in time.")
        case .invalidURL, .emptyHost, .emptyScheme: OutboundError(.badURL, "The URL cannot be called.")
        case .remoteConnectionClosed, .uncleanShutdown:
            OutboundError(.connection, "The other side closed the connection before the answer was complete.")
        default:
            if error.shortDescription.contains("header") {
                OutboundError(.badRequest, "A header cannot be sent.")
            } else if error.shortDescription.contains("scheme") {
                OutboundError(.badURL, "The URL cannot be called.")
            } else {
                OutboundError(.connection, "The connection failed before the answer was complete.")
            }
        }
    }
}
