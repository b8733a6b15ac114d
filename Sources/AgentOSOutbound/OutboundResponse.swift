/// The whole answer to an outbound request.
public struct OutboundResponse: Sendable {
    public let status: Int
    /// Names in lower case, in the order of the answer.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// Whether the body went on behind `maxResponseBytes`.
    public let truncated: Bool
    /// Where the answer came from after redirects.
    public let finalURL: String

    /// The first header of that name; the name is given in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    public init(
        status: Int, headers: [(name: String, value: String)], body: [UInt8], truncated: Bool, finalURL: String
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.truncated = truncated
        self.finalURL = finalURL
    }
}
