import Synchronization

/// The address under which people reach the server, without a trailing slash. It is known from the start, unless the
/// system chooses the port: then from when the server listens.
public final class PublicAddress: Sendable {
    private let current: Mutex<String>

    public init(_ url: String) { current = Mutex(url) }

    public var url: String { current.withLock { $0 } }

    public func change(to url: String) { current.withLock { $0 = url } }
}
