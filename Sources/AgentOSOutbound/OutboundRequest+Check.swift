extension OutboundRequest {
    /// Whether method and headers may be sent, for requests that are stored now and made later.
    /// - Throws: `OutboundError` of kind `badRequest`
    public func check() throws(OutboundError) { try RequestRules.check(self) }
}
