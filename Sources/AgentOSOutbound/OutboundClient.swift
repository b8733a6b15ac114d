import AsyncHTTPClient
import NIOCore
import NIOPosix

/// The one way out of the server.
///
/// `send` is for URLs that users and models give: the host is looked up, every address it has is checked against the
/// policy, the connection goes to a checked address, and each redirect is treated the same. `stream` is for model
/// providers.
public final class OutboundClient: Sendable {
    private let policy: OutboundPolicy
    private let group: any EventLoopGroup
    private let resolver = HostResolver()
    private let oneShot: LoopClients
    private let kept: LoopClients
    private let keptPins: PinnedClients
    private let provider: LoopClients

    /// `shutdown` must be called before the client is let go.
    public init(policy: OutboundPolicy, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        self.policy = policy
        group = eventLoopGroup
        oneShot = LoopClients(group: eventLoopGroup, .oneShot)
        kept = LoopClients(group: eventLoopGroup, .kept)
        keptPins = PinnedClients(group: eventLoopGroup)
        provider = LoopClients(group: eventLoopGroup, .provider)
    }

    /// Ends what is going on and closes all connections. Harmless when repeated.
    public func shutdown() async {
        await oneShot.shutdown()
        await kept.shutdown()
        keptPins.removeAll()
        await provider.shutdown()
        await resolver.shutdown()
    }

    // MARK: - Guarded

    /// Performs a request to a URL that a user or a model gave.
    /// - Throws: `OutboundError`, or `CancellationError` when the task is cancelled. What is refused is refused before
    ///   anything is sent.
    public func send(_ request: OutboundRequest) async throws -> OutboundResponse {
        try RequestRules.check(request)
        var request = request
        var url = try OutboundURL(request.url)
        let deadline = Deadline(seconds: request.timeoutSeconds)
        var left = min(request.maxRedirects, OutboundRequest.redirectLimit)
        while true {
            let answer = try await open(request, url, by: deadline)
            guard request.maxRedirects > 0, let location = answer.redirect else {
                let (bytes, truncated) = try await answer.bytes(
                    upTo: request.maxResponseBytes, by: deadline, mayBreakOff: request.needsOnlyHead)
                return OutboundResponse(
                    status: answer.status, headers: answer.headers, body: bytes, truncated: truncated,
                    finalURL: url.description)
            }
            guard left > 0 else { throw OutboundError(.tooManyRedirects, "The answer is one redirect after another.") }
            left -= 1
            let next = try url.resolving(location)
            request.redirect(status: answer.status, leavingOrigin: !next.hasSameOrigin(as: url))
            url = next
        }
    }

    /// Checks a URL that is to be stored as `send` would check it, without connecting. A name that has no address now,
    /// or not within 3 s, is let through: that may change, and it is looked up again whenever the URL is used.
    /// - Parameter requiringTLS: whether plain http is only for addresses that the policy names.
    /// - Throws: `OutboundError`
    public func check(_ url: String, requiringTLS: Bool = false) async throws {
        let url = try OutboundURL(url)
        var addresses: [IPAddress] = []
        do {
            addresses = try await resolver.addresses(of: url.host, by: Deadline(seconds: 3))
        } catch let error as OutboundError where error.kind == .unresolved || error.kind == .timeout {}
        for address in addresses { try policy.check(address) }
        guard requiringTLS, url.scheme == .http, addresses.isEmpty || !addresses.allSatisfy(policy.names) else {
            return
        }
        throw OutboundError(.badURL, "The URL must be https; plain http is for addresses in AGENTOS_OUTBOUND_ALLOW.")
    }

    /// Looks up, checks and connects. Addresses that cannot be reached are passed over for the next.
    private func open(
        _ request: OutboundRequest, _ url: OutboundURL, by deadline: Deadline
    ) async throws -> OutboundStream {
        let addresses = try await resolver.addresses(of: url.host, by: deadline)
        for address in addresses {
            do {
                try policy.check(address)
            } catch {
                throw OutboundError(error.kind, "\(url.host) cannot be called. \(error.message)")
            }
        }
        var failure = OutboundError(.unresolved, "The host name is unknown.")
        for address in addresses.prefix(3) {
            do {
                return try await connect(request, url, to: address, by: deadline)
            } catch let error as OutboundError where error.kind == .unreachable {
                failure = error
            }
        }
        throw failure
    }

    private func connect(
        _ request: OutboundRequest, _ url: OutboundURL, to address: IPAddress, by deadline: Deadline
    ) async throws -> OutboundStream {
        var request = request
        if request.headers.allSatisfy({ $0.name.lowercased() != "user-agent" }) {
            request.headers.append(("user-agent", "AgentOS"))
        }
        guard url.scheme == .http || url.address != nil else {
            let pin =
                try request.keepsConnection
                ? keptPins.client(for: url, at: address) : PinnedClient(url: url, address: address, group: group)
            return try await open(request, url: url.text(), on: pin.client, keeping: pin, by: deadline)
        }
        request.headers.append(("host", url.hostHeader))
        let lease = (request.keepsConnection ? kept : oneShot).lease()
        return try await open(
            request, url: url.text(connectingTo: address), on: lease.client, keeping: lease, by: deadline)
    }

    // MARK: - Providers

    /// Sends a request and hands out the answer while its body is still coming. Redirects are not followed.
    ///
    /// - Parameter guarded: false for base URLs that the operator set in the environment; true for all others, which
    ///   are then looked up, checked and pinned as `send` does.
    /// - Throws: `OutboundError`, or `CancellationError` when the task is cancelled; the connection is closed then.
    public func stream(_ request: OutboundRequest, guarded: Bool = false) async throws -> OutboundStream {
        let url = try OutboundURL(request.url)
        let deadline = Deadline(seconds: request.timeoutSeconds)
        if guarded {
            var request = request
            request.keepsConnection = true
            return try await open(request, url, by: deadline)
        }
        let lease = provider.lease()
        return try await open(request, url: request.url, on: lease.client, keeping: lease, by: deadline)
    }

    // MARK: - The wire

    private func open(
        _ request: OutboundRequest, url: String, on client: HTTPClient, keeping owner: any AnyObject & Sendable,
        by deadline: Deadline
    ) async throws -> OutboundStream {
        let outgoing: HTTPClient.Request
        do {
            outgoing = try HTTPClient.Request(
                url: url, method: .init(rawValue: request.method.uppercased()),
                headers: .init(request.headers.map { ($0.name, $0.value) }),
                body: request.body.map { .byteBuffer(ByteBuffer(bytes: $0)) })
        } catch {
            throw OutboundError.translate(error, by: deadline)
        }
        return try await OutboundStream.open(outgoing, on: client, keeping: owner, by: deadline)
    }
}

extension OutboundStream {
    /// Where a redirect points to; nil when this is none.
    var redirect: String? {
        switch status {
        case 301, 302, 303, 307, 308: header("location")
        default: nil
        }
    }
}

extension OutboundRequest {
    /// What becomes of a request that is redirected: 303, and POST at 301 and 302, go on as GET without a body;
    /// credentials stay with their origin.
    mutating func redirect(status: Int, leavingOrigin: Bool) {
        let method = method.uppercased()
        if (status == 303 && method != "HEAD") || ((status == 301 || status == 302) && method == "POST") {
            self.method = "GET"
            body = nil
            headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
        }
        if leavingOrigin { headers.removeAll { RequestRules.credentials.contains($0.name.lowercased()) } }
    }
}
