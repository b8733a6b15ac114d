import AgentOSCore
import AsyncHTTPClient
import NIOCore

/// One response that is an event stream, taken apart as it comes.
struct FrameConnection {
    struct Target {
        let transport: Transport
        let request: HTTPClientRequest
    }

    /// The data of an event, and the id it came with or the one before it; empty when there was none.
    struct Piece {
        let id: String
        let data: [UInt8]
    }

    /// A frame larger than this is an error, so that a peer cannot make us hold without end.
    private static let largestFrame = 64 << 20

    private let transport: Transport
    private var body: HTTPClientResponse.Body.AsyncIterator
    private var parser = SSEParser(maximumEventBytes: Self.largestFrame)
    private var pieces: [Piece] = []
    private var position = 0

    /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
    init(_ target: Target) async throws {
        transport = target.transport
        let response = try await transport.open(target.request, timeout: Timeouts.longRunning)
        guard response.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true else {
            throw ConnectionError(
                .unexpectedAnswer, "\(transport.baseURL) did not answer with an event stream.",
                status: Int(response.status.code))
        }
        body = response.body.makeAsyncIterator()
    }

    /// Nil at the end of the response.
    mutating func next() async throws -> Piece? {
        while position == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            position = 0
            guard try await fill() else { return nil }
        }
        position += 1
        return pieces[position - 1]
    }

    private mutating func fill() async throws -> Bool {
        do {
            guard let chunk = try await body.next() else { return false }
            var rest = Array(chunk.readableBytesView)[...]
            // Line by line, since the parser knows the id of the newest event only.
            while !rest.isEmpty {
                let end = rest.firstIndex(of: 0x0a).map { $0 + 1 } ?? rest.endIndex
                for event in try parser.feed(Array(rest[..<end])) {
                    pieces.append(Piece(id: parser.lastEventID, data: event.data))
                }
                rest = rest[end...]
            }
            return true
        } catch is SSEParser.TooLarge {
            throw ConnectionError(.unexpectedAnswer, "The stream holds a frame that is too large.")
        } catch {
            throw transport.translated(error)
        }
    }
}
