/// A URL that the operator sets. No guard stands before calls to it, so it is checked once, when the server starts.
public struct OperatorURL: Sendable, Hashable {
    /// Whether it ends with its path.
    public let isPlain: Bool
    /// Without slashes at its end.
    public let text: String

    /// - Throws: `OutboundError` of kind `badURL`
    public init(_ given: String) throws(OutboundError) {
        _ = try OutboundURL(given)
        var rest = given[...].trimmingSpaces[...]
        isPlain = !rest.contains { $0 == "?" || $0 == "#" }
        while rest.last == "/" { rest.removeLast() }
        text = String(rest)
    }
}
