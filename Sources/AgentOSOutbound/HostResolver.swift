import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Asks the system for the addresses of a host name, on threads of its own: a slow name server blocks nobody else.
struct HostResolver: Sendable {
    private let threads: NIOThreadPool

    init() {
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
    }

    func shutdown() async { try? await threads.shutdownGracefully() }

    /// All addresses, in the system's order of preference, each once. The system also reads `127.1`, `0x7f.1` and
    /// their like, so what comes back is what a connection would be made to.
    /// - Throws: `OutboundError` of kind `unresolved` or `timeout`; `CancellationError` at once when the task is
    ///   cancelled, though the system's look-up ends in its own time.
    func addresses(of host: String, by deadline: Deadline) async throws -> [IPAddress] {
        if let literal = IPAddress(host) { return [literal] }
        return try await deadline.bound { try await look(for: host) }
    }

    private func look(for host: String) async throws -> [IPAddress] {
        let answer = Answer()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard answer.wait(continuation) else { return }
                threads.submit { state in
                    switch state {
                    case .active: answer.give(.success(Self.lookUp(host)))
                    case .cancelled: answer.give(.failure(OutboundError(.shutDown, "The server is shutting down.")))
                    }
                }
            }
        } onCancel: {
            answer.give(.failure(CancellationError()))
        }
    }

    /// Hands one answer to one waiter, whichever comes first.
    private final class Answer: Sendable {
        private enum State {
            case idle
            case waiting(CheckedContinuation<[IPAddress], any Error>)
            case given(any Error)
            case done
        }
        private let state = Mutex(State.idle)

        /// False when the answer was there before; it has been handed over then.
        func wait(_ continuation: CheckedContinuation<[IPAddress], any Error>) -> Bool {
            let early = state.withLock { state -> (any Error)? in
                if case .given(let error) = state { return error }
                state = .waiting(continuation)
                return nil
            }
            if let early { continuation.resume(throwing: early) }
            return early == nil
        }

        func give(_ result: Result<[IPAddress]?, any Error>) {
            let waiter = state.withLock { state -> CheckedContinuation<[IPAddress], any Error>? in
                switch state {
                case .waiting(let continuation):
                    state = .done
                    return continuation
                case .idle:
                    if case .failure(let error) = result { state = .given(error) }
                    return nil
                case .given, .done: return nil
                }
            }
            guard let waiter else { return }
            switch result {
            case .success(let found?) where !found.isEmpty: waiter.resume(returning: found)
            case .success: waiter.resume(throwing: OutboundError(.unresolved, "The host name is unknown."))
            case .failure(let error): waiter.resume(throwing: error)
            }
        }
    }

    private static func lookUp(_ host: String) -> [IPAddress]? {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = address(of: entry.pointee), !found.contains(address) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }

    private static func address(of entry: addrinfo) -> IPAddress? {
        guard let raw = UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch entry.ai_family {
        case AF_INET where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in>.size:
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            return IPAddress(bytes: withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6 where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in6>.size:
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return IPAddress(bytes: withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }
}
