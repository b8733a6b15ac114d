/// A request to somewhere else.
public struct OutboundRequest: Sendable {
    public static let defaultTimeoutSeconds = 30.0
    public static let defaultMaxResponseBytes = 5 << 20
    /// Redirects that are followed at most, whatever is asked for.
    public static let redirectLimit = 5

    public var method: String
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]?
    /// For `send` the time for everything, redirects and body included; for `stream` the time until the status.
    public var timeoutSeconds: Double
    /// Where the body is cut (`send` only).
    public var maxResponseBytes: Int
    /// 0 hands out a redirect as it is; more than `redirectLimit` counts as that (`send` only).
    public var maxRedirects: Int
    /// Whether the connection may serve further requests to the same checked address: for what is sent often and can be
    /// sent again, since the other side may close it at the moment it is used. `stream` always keeps it.
    public var keepsConnection = false
    /// Whether the head of an answer is enough: a body that breaks off, or is not there in time, counts as cut (`send`
    /// only).
    public var needsOnlyHead = false

    public init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        timeoutSeconds: Double = OutboundRequest.defaultTimeoutSeconds,
        maxResponseBytes: Int = OutboundRequest.defaultMaxResponseBytes, maxRedirects: Int = 0
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutSeconds = timeoutSeconds
        self.maxResponseBytes = maxResponseBytes
        self.maxRedirects = maxRedirects
    }
}
