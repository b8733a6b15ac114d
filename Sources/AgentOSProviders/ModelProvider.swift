import AgentOSCore

/// Something that answers model calls.
public protocol ModelProvider: Sendable {
    /// Makes one model call.
    ///
    /// - Parameter onText: called with the pieces of text as they come, those that came together at once, when the request asks for a stream, else never.
    /// - Throws: `ProviderError`; `CancellationError` when the task is cancelled, with the connection closed.
    func reply(
        to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
    ) async throws -> ModelReply
}
