import AgentOSCore
import AsyncHTTPClient
import NIOCore

/// Frames of an event stream as JSON objects, read as fast as they are asked for: a slow reader slows the server
/// down instead of filling memory. The request goes out when the iteration begins; iterate once.
public struct FrameStream: AsyncSequence, Sendable {
    public typealias Element = JSONObject

    enum Kind: Sendable {
        /// Ends with a frame that says how; `error` frames are thrown.
        case invoke
        /// Goes on until one side has enough. Frames are events of any type, so none is interpreted.
        case tail
    }

    let transport: Transport
    let path: String
    let body: JSONValue?
    let kind: Kind

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    public struct Iterator: AsyncIteratorProtocol {
        /// A frame larger than this is an error, so that a peer cannot make us hold without end.
        private static let largestFrame = 64 << 20

        private enum State {
            case idle
            case open(HTTPClientResponse.Body.AsyncIterator)
            case closed
        }

        private let stream: FrameStream
        private var state = State.idle
        private var parser = SSEParser(maximumEventBytes: Self.largestFrame)
        private var frames: [[UInt8]] = []
        private var next = 0
        private var sawLastFrame = false

        init(stream: FrameStream) { self.stream = stream }

        /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
        public mutating func next() async throws -> JSONObject? {
            while true {
                if next < frames.count {
                    let frame = frames[next]
                    next += 1
                    return try decode(frame)
                }
                frames.removeAll(keepingCapacity: true)
                next = 0
                try await fill()
                if case .closed = state, frames.isEmpty {
                    guard stream.kind == .tail || sawLastFrame else {
                        sawLastFrame = true
                        throw ConnectionError(.interrupted, "The stream broke off before its last frame.")
                    }
                    return nil
                }
            }
        }

        /// Reads until there is a frame or the end.
        private mutating func fill() async throws {
            switch state {
            case .closed: return
            case .idle: state = .open(try await open().makeAsyncIterator())
            case .open: break
            }
            guard case .open(var body) = state else { return }
            state = .closed
            do {
                while frames.isEmpty {
                    guard let chunk = try await body.next() else { return }
                    frames += try parser.feed(Array(chunk.readableBytesView)).map(\.data)
                }
            } catch is SSEParser.TooLarge {
                throw ConnectionError(.unexpectedAnswer, "The stream holds a frame that is too large.")
            } catch {
                throw stream.transport.translated(error)
            }
            state = .open(body)
        }

        private func open() async throws -> HTTPClientResponse.Body {
            let request = stream.transport.request(
                stream.path, body: stream.body?.encoded, accept: "text/event-stream")
            let response = try await stream.transport.open(request, timeout: Timeouts.longRunning)
            guard response.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true else {
                throw ConnectionError(
                    .unexpectedAnswer, "\(stream.transport.baseURL) did not answer with an event stream.",
                    status: Int(response.status.code))
            }
            return response.body
        }

        private mutating func decode(_ frame: [UInt8]) throws -> JSONObject {
            guard let object = (try? JSONParser.parse(frame))?.objectValue else {
                state = .closed
                sawLastFrame = true
                throw ConnectionError(.unexpectedAnswer, "The stream holds a frame that is not a JSON object.")
            }
            guard stream.kind == .invoke else { return object }
            switch object["type"]?.stringValue {
            case "done", "awaiting_approval", "awaiting_input":
                sawLastFrame = true
            case "error":
                state = .closed
                sawLastFrame = true
                throw AgentOSError(wire: .object(object), status: nil)
            default: break
            }
            return object
        }
    }
}
