/// Bounds and switches of the edge.
public struct EdgeConfiguration: Sendable {
    /// Bytes of a body for ingest and invoke, before and after unpacking.
    public var maximumBody = 16 << 20
    /// Bytes of a control-plane body.
    public var maximumControlBody = 72 << 20
    /// Bytes of all bodies in memory at the same time.
    public var maximumBodiesInFlight = 512 << 20
    /// Seconds that one human-input poll is held.
    public var pollSeconds = 270.0
    /// Requests a minute and key; 0 is off.
    public var ingestLimit = 60_000
    public var invokeLimit = 6_000
    public var controlLimit = 6_000
    /// Failed authentications a minute and peer; 0 is off.
    public var authLimit = 30
    /// Addresses of proxies whose forwarded address counts.
    public var trustedProxies: Set<String> = []
    /// Seconds of silence after which a stream gets a comment.
    public var pingSeconds = 15.0

    public init() {}
}
