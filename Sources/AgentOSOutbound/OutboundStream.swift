import AsyncHTTPClient
import NIOCore

/// An answer whose body is still on its way. Letting go of it, or cancelling the task that reads it, closes the
/// connection.
public struct OutboundStream: Sendable {
    private let response: HTTPClientResponse
    private let pin: PinnedClient?

    init(response: HTTPClientResponse, pin: PinnedClient?) {
        self.response = response
        self.pin = pin
    }

    public var status: Int { Int(response.status.code) }

    /// Names in lower case.
    public var headers: [(name: String, value: String)] {
        response.headers.map { ($0.name.lowercased(), $0.value) }
    }

    /// The first header of that name, in any case.
    public func header(_ name: String) -> String? { response.headers.first(name: name) }

    /// The body; it can be read once.
    public var body: Body { Body(base: response.body, pin: pin) }

    /// Chunks of bytes as they come. Iterating throws `OutboundError` or `CancellationError`.
    public struct Body: AsyncSequence, Sendable {
        let base: HTTPClientResponse.Body
        let pin: PinnedClient?

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator(), pin: pin) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            var base: HTTPClientResponse.Body.AsyncIterator
            let pin: PinnedClient?

            public mutating func next() async throws -> [UInt8]? {
                do {
                    if let buffer = try await base.next() { return Array(buffer.readableBytesView) }
                } catch {
                    throw OutboundError.translate(error, timeoutSeconds: 0)
                }
                try Task.checkCancellation()
                return nil
            }
        }
    }

    /// Reads what is left of a body, so that its connection can be used again, without keeping the caller waiting.
    ///
    /// For an answer that is complete before its end has come in. At most 64 KiB and one second; then the connection
    /// is closed.
    public static func drain(_ rest: sending Body.AsyncIterator, on client: OutboundClient) {
        var rest = rest
        // Ended by its own bounds and by the timer below; nobody waits for it.
        let task = Task {
            var left = 64 << 10
            while left > 0, let chunk = try? await rest.next() { left -= chunk.count }
        }
        client.schedule(after: .seconds(1)) { task.cancel() }
    }
}
