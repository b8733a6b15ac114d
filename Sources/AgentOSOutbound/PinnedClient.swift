import AsyncHTTPClient
import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A client for one TLS host that connects to one checked address and to nothing else, while certificate and `Host`
/// are still those of the name. It lives as long as what it fetches is being read.
final class PinnedClient: Sendable {
    let client: HTTPClient

    /// - Throws: `OutboundError` of kind `badURL` when the HTTP client would read another host out of the URL: the pin
    ///   would not hold then.
    init(
        url: OutboundURL, address: IPAddress, group: any EventLoopGroup,
        _ configuration: HTTPClient.Configuration = .oneShot
    ) throws(OutboundError) {
        guard let parsed = URL(string: url.text()), parsed.host == url.host else {
            throw OutboundError(.badURL, "The URL cannot be called: the host is not a name.")
        }
        var configuration = configuration
        configuration.dnsOverride = [url.host: address.description]
        client = HTTPClient(eventLoopGroup: group.any(), configuration: configuration)
    }

    deinit { client.shutdown { _ in } }
}

/// Pinned clients that are used again. One that had to make room lives on while something is read through it.
final class PinnedClients: Sendable {
    private static let bound = 64

    private struct Key: Hashable {
        let host: String
        let address: String
    }

    private let group: any EventLoopGroup
    private let clients = Mutex<[Key: PinnedClient]>([:])

    init(group: any EventLoopGroup) { self.group = group }

    func client(for url: OutboundURL, at address: IPAddress) throws(OutboundError) -> PinnedClient {
        let key = Key(host: url.host, address: address.description)
        if let known = clients.withLock({ $0[key] }) { return known }
        let new = try PinnedClient(url: url, address: address, group: group, .kept)
        return clients.withLock { clients in
            if let known = clients[key] { return known }
            if clients.count >= Self.bound, let any = clients.keys.first { clients[any] = nil }
            clients[key] = new
            return new
        }
    }

    func removeAll() { clients.withLock { $0.removeAll() } }
}

extension HTTPClient.Configuration {
    /// For user-given URLs: no redirects of its own, a fresh connection each time.
    static var oneShot: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 10_000
        configuration.maximumUsesPerConnection = 1
        configuration.tracing.tracer = nil
        return configuration
    }

    /// For what is sent often to the same receivers. Idle connections go before the other side is likely to close them.
    static var kept: HTTPClient.Configuration {
        var configuration = oneShot
        configuration.connectionPool.idleTimeout = .seconds(4)
        configuration.maximumUsesPerConnection = nil
        return configuration
    }

    /// For model providers: connections are kept and many. No limit on the silence between two reads: a timer set anew for
    /// each piece of a stream costs as much as the piece, and whoever calls a model has a deadline of its own. HTTP/1.1, because one HTTP/2 connection admits only as many
    /// calls at a time as the other side likes.
    static var provider: HTTPClient.Configuration {
        var configuration = oneShot
        configuration.connectionPool.idleTimeout = .seconds(60)
        configuration.maximumUsesPerConnection = nil
        let rounds = ReadRounds()
        configuration.http1_1ConnectionDebugInitializer = { rounds.pace($0) }
        return configuration
    }
}
