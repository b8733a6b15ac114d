import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// An answer whose body is still on its way. Letting go of it before it was read closes the connection, and so does
/// cancelling the task that reads it.
public final class OutboundStream: Sendable {
    /// What a reader wants after a piece of a body.
    public enum Appetite: Sendable {
        case more
        /// The answer is complete as far as the reader cares. At most 64 KiB and one second of what is left are read
        /// away, so that the connection can be used again.
        case enough
        /// The connection is closed.
        case nothing
    }

    /// Takes a piece of a body, on a thread of the network: it must not wait for anything. What it throws ends the
    /// reading.
    public typealias Reader = @Sendable (UnsafeRawBufferPointer) throws -> Appetite

    private let head: HTTPResponseHead
    private let exchange: Exchange
    private let task: HTTPClient.Task<Void>
    private let owner: any AnyObject & Sendable

    private init(
        head: HTTPResponseHead, exchange: Exchange, task: HTTPClient.Task<Void>, owner: any AnyObject & Sendable
    ) {
        self.head = head
        self.exchange = exchange
        self.task = task
        self.owner = owner
    }

    deinit { exchange.abandon(task) }

    /// Sends a request and waits for the head of its answer.
    /// - Parameters:
    ///   - client: one of a single thread of the network.
    ///   - owner: is kept until the stream is let go.
    static func open(
        _ request: HTTPClient.Request, on client: HTTPClient, keeping owner: any AnyObject & Sendable,
        by deadline: Deadline
    ) async throws -> OutboundStream {
        let exchange = Exchange()
        let task = client.execute(request: request, delegate: exchange)
        let late = deadline.end(task)
        defer { late.cancel() }
        do {
            let head = try await withTaskCancellationHandler {
                try await exchange.head()
            } onCancel: {
                task.fail(reason: CancellationError())
            }
            return OutboundStream(head: head, exchange: exchange, task: task, owner: owner)
        } catch {
            throw OutboundError.translate(error, by: deadline)
        }
    }

    public var status: Int { Int(head.status.code) }

    /// Names in lower case.
    public var headers: [(name: String, value: String)] { head.headers.map { ($0.name.lowercased(), $0.value) } }

    /// The first header of that name, in any case.
    public func header(_ name: String) -> String? { head.headers.first(name: name) }

    /// Reads the body, once; returns when the reader wants no more or the body has ended.
    /// - Throws: `OutboundError`, `CancellationError`, or what the reader throws.
    public func read(_ reader: @escaping Reader) async throws { try await read(by: nil, reader) }

    private func read(by deadline: Deadline?, _ reader: @escaping Reader) async throws {
        let late = deadline?.end(task)
        defer { late?.cancel() }
        do {
            try await withTaskCancellationHandler {
                try await exchange.read(reader)
            } onCancel: {
                task.fail(reason: CancellationError())
            }
        } catch let failure as Exchange.ReaderFailure {
            throw failure.error
        } catch {
            throw OutboundError.translate(error, by: deadline)
        }
    }

    /// The body up to a limit, and whether it went on behind it; the connection is closed then.
    /// - Throws: `OutboundError`, `CancellationError`
    public func bytes(upTo limit: Int) async throws -> (bytes: [UInt8], truncated: Bool) {
        try await bytes(upTo: limit, by: nil)
    }

    /// - Parameter mayBreakOff: whether a body that does not come to its end is one that was cut.
    func bytes(
        upTo limit: Int, by deadline: Deadline?, mayBreakOff: Bool = false
    ) async throws -> (bytes: [UInt8], truncated: Bool) {
        let gathered = Gathered()
        do {
            try await read(by: deadline) { gathered.take($0, upTo: limit) }
        } catch let error as OutboundError {
            guard mayBreakOff else { throw error }
            return (gathered.all.bytes, true)
        }
        return gathered.all
    }

    private final class Gathered: Sendable {
        private let state = Mutex<(bytes: [UInt8], truncated: Bool)>(([], false))

        var all: (bytes: [UInt8], truncated: Bool) { state.withLock { $0 } }

        func take(_ piece: UnsafeRawBufferPointer, upTo limit: Int) -> Appetite {
            state.withLock { state in
                let fits = min(piece.count, max(0, limit - state.bytes.count))
                state.bytes.append(contentsOf: piece[..<fits])
                state.truncated = fits < piece.count
                return state.truncated ? .nothing : .more
            }
        }
    }
}
