extension OutboundClient {
    /// Performs a request to a URL that the operator set: no address is refused, and redirects are handed out as they
    /// are. Time and size are bounded as in `send`.
    /// - Throws: `OutboundError`, or `CancellationError` when the task is cancelled.
    public func sendUnguarded(_ request: OutboundRequest) async throws -> OutboundResponse {
        try RequestRules.check(request)
        let deadline = Deadline(seconds: request.timeoutSeconds)
        let answer = try await stream(request)
        let (bytes, truncated) = try await answer.bytes(upTo: request.maxResponseBytes, by: deadline)
        return OutboundResponse(
            status: answer.status, headers: answer.headers, body: bytes, truncated: truncated, finalURL: request.url)
    }
}
