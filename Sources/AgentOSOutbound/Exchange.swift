import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// One request and what comes back: takes the parts of the answer on the network's thread and hands them to whoever
/// waits for the head or reads the body.
///
/// The body waits on the wire until somebody reads it. It is taken where it comes in, without a change of threads for
/// each piece, since thousands of replies of models come in many small pieces at once.
final class Exchange: HTTPClientResponseDelegate, Sendable {
    typealias Response = Void

    /// What is read of an answer behind its reader's end, so that the connection can be used again.
    static let drainBytes = 64 << 10
    static let drainTime = TimeAmount.seconds(1)

    /// What a reader threw, told apart from what happened on the wire.
    struct ReaderFailure: Error {
        let error: any Error
    }

    private enum State {
        /// Nothing has come yet; somebody may be waiting for it.
        case sent(CheckedContinuation<HTTPResponseHead, any Error>?)
        /// The head has come; the body comes once the promise is kept.
        case open(HTTPResponseHead, EventLoopPromise<Void>)
        case reading(OutboundStream.Reader, CheckedContinuation<Void, any Error>)
        /// The reader has all it wants; so many bytes more are let in.
        case draining(Int)
        case over((any Error)?)
    }

    private let state = Mutex(State.sent(nil))

    // MARK: - For those who wait

    /// - Throws: what ended the exchange before its head came.
    func head() async throws -> HTTPResponseHead {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state -> Result<HTTPResponseHead, any Error>? in
                switch state {
                case .sent:
                    state = .sent(continuation)
                    return nil
                case .open(let head, _): return .success(head)
                case .reading, .draining: return .failure(HTTPClientError.cancelled)
                case .over(let error): return .failure(error ?? HTTPClientError.remoteConnectionClosed)
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    /// Lets the body in, to the reader, until it wants no more or the body ends. Once for an exchange.
    func read(_ reader: @escaping OutboundStream.Reader) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let (known, promise) = state.withLock { state -> (Result<Void, any Error>?, EventLoopPromise<Void>?) in
                switch state {
                case .open(_, let promise):
                    state = .reading(reader, continuation)
                    return (nil, promise)
                case .over(let error?): return (.failure(error), nil)
                case .sent, .reading, .draining, .over: return (.failure(HTTPClientError.cancelled), nil)
                }
            }
            if let known { continuation.resume(with: known) }
            promise?.succeed()
        }
    }

    /// Closes the connection unless the answer was read.
    func abandon(_ task: HTTPClient.Task<Void>) {
        let isRead = state.withLock { state in
            switch state {
            case .draining, .over: true
            case .sent, .open, .reading: false
            }
        }
        if !isRead { task.cancel() }
    }

    // MARK: - From the wire

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        let promise = task.eventLoop.makePromise(of: Void.self)
        let waiting = state.withLock { state -> CheckedContinuation<HTTPResponseHead, any Error>? in
            guard case .sent(let waiting) = state else { return nil }
            state = .open(head, promise)
            return waiting
        }
        waiting?.resume(returning: head)
        return promise.futureResult
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ part: ByteBuffer) -> EventLoopFuture<Void> {
        let reader = state.withLock { state -> OutboundStream.Reader? in
            switch state {
            case .reading(let reader, _): return reader
            case .draining(let left) where left >= part.readableBytes:
                state = .draining(left - part.readableBytes)
                return { _ in .more }
            default: return nil
            }
        }
        guard let reader else { return task.eventLoop.makeFailedFuture(HTTPClientError.cancelled) }
        do {
            switch try part.withUnsafeReadableBytes(reader) {
            case .more: break
            case .enough:
                end(.draining(Self.drainBytes))
                // Harmless when the rest has come by then.
                task.eventLoop.scheduleTask(in: Self.drainTime) { task.cancel() }
            case .nothing:
                end(.over(nil))
                return task.eventLoop.makeFailedFuture(HTTPClientError.cancelled)
            }
            return task.eventLoop.makeSucceededVoidFuture()
        } catch {
            end(.over(ReaderFailure(error: error)))
            return task.eventLoop.makeFailedFuture(error)
        }
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) { end(.over(nil)) }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) { end(.over(error)) }

    /// Goes on to a state in which nobody waits, and tells those who did.
    private func end(_ next: State) {
        let before = state.withLock { state -> State in
            defer {
                if case .over = state {} else { state = next }
            }
            return state
        }
        let error: (any Error)? = if case .over(let error) = next { error } else { nil }
        switch before {
        case .sent(let waiting): waiting?.resume(throwing: error ?? HTTPClientError.remoteConnectionClosed)
        // A promise that nobody keeps would be a leak; the client does not go on after an end.
        case .open(_, let promise): promise.succeed()
        case .reading(_, let continuation):
            if let error { continuation.resume(throwing: error) } else { continuation.resume() }
        case .draining, .over: break
        }
    }
}
