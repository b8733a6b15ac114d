import AgentOSCore
import AgentOSStore
import HTTPTypes
import Hummingbird

/// From the `authorization` header to a principal.
struct Authenticator: Sendable {
    private let keys: KeyStore
    private let failures: RateLimiter<String>
    private let trustedProxies: Set<String>

    init(keys: KeyStore, configuration: EdgeConfiguration) {
        self.keys = keys
        failures = RateLimiter(perMinute: configuration.authLimit)
        trustedProxies = configuration.trustedProxies
    }

    /// - Throws: UNAUTHENTICATED; RATE_LIMITED for a peer that failed too often. A valid key is never refused.
    func principal(of request: Request, _ context: EdgeContext) async throws -> Principal {
        if let key = Self.key(in: request.headers[.authorization]), let principal = try await keys.principal(of: key) {
            return principal
        }
        throw refusal(AgentOSError(.unauthenticated, "Invalid or revoked key."), of: request, context)
    }

    /// Does what a link is the key to. A wrong link or signature counts as a failed authentication of the peer.
    /// - Throws: what `body` throws; RATE_LIMITED in its place for a peer that failed too often.
    func opening<R>(for request: Request, _ context: EdgeContext, _ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as AgentOSError where error.code == .unauthenticated || error.code == .notFound {
            throw refusal(error, of: request, context)
        }
    }

    /// Counts a failure of the peer.
    /// - Returns: what it is told.
    private func refusal(_ error: AgentOSError, of request: Request, _ context: EdgeContext) -> AgentOSError {
        guard let verdict = failures.take(peer(of: request, context)), !verdict.allowed else { return error }
        return AgentOSError(
            .rateLimited, "Too many failed authentications from this address.", retryAfter: verdict.retryAfter)
    }

    private static func key(in header: String?) -> String? {
        guard let header, header.utf8.count > 7, header.utf8.count <= 256 else { return nil }
        guard header.prefix(7).lowercased() == "bearer " else { return nil }
        let key = header.dropFirst(7).drop { $0 == " " }
        return key.contains(" ") ? nil : String(key)
    }

    /// The address that counts: the peer's, or what a trusted proxy says.
    private func peer(of request: Request, _ context: EdgeContext) -> String {
        let peer = context.peer
        guard trustedProxies.contains(peer), let name = HTTPField.Name("x-forwarded-for"),
            let forwarded = request.headers[name]
        else { return peer }
        // The rightmost address that is no trusted proxy itself was seen by one of ours.
        let hops = forwarded.split(separator: ",").map { $0.filter { $0 != " " } }
        return hops.last { !trustedProxies.contains($0) } ?? peer
    }
}
