import AgentOSCore

/// Frames of an event stream as JSON objects, read as fast as they are asked for: a slow reader slows the server
/// down instead of filling memory. The request goes out when the iteration begins; iterate once.
public struct FrameStream: AsyncSequence, Sendable {
    public typealias Element = JSONObject

    /// A frame with its place in the stream.
    public struct Frame: Sendable {
        /// What `AgentOSClient.stream(run:after:)` takes to go on behind this frame. Nil where the stream has no ids.
        public let id: String?
        public let content: JSONObject
    }

    enum Source: Sendable {
        /// Ends with a frame that says how; `error` frames are thrown.
        case invoke(AgentID, JSONValue, idempotencyKey: String?)
        /// The same of a run that was begun before.
        case run(RunID, after: String?, throughPauses: Bool)
        /// Goes on until one side has enough. Frames are events of any type, so none that has an id is interpreted.
        case tail([String])
    }

    let transport: Transport
    let source: Source
    let workspace: String?

    /// The same frames with their ids; an `error` frame is one of them, before what it says is thrown. Iterate either,
    /// once.
    public var frames: Identified { Identified(stream: self) }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// The frames of a stream with their ids.
    public struct Identified: AsyncSequence, Sendable {
        public typealias Element = Frame

        let stream: FrameStream

        public func makeAsyncIterator() -> Iterator { Iterator(frames: stream.makeAsyncIterator()) }

        public struct Iterator: AsyncIteratorProtocol {
            var frames: FrameStream.Iterator

            /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
            public mutating func next() async throws -> Frame? { try await frames.nextFrame() }
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        private let stream: FrameStream
        private var connection: FrameConnection?
        /// Known once the run is: then a stream that broke off can be taken up again.
        private var run: RunID?
        private var lastID: String?
        private var failures = 0
        private var wasOpen = false
        private var isOver = false
        /// What an `error` frame said that was passed on, until it is thrown.
        private var failure: AgentOSError?

        init(_ stream: FrameStream) {
            self.stream = stream
            if case .run(let id, let after, _) = stream.source {
                run = id
                lastID = after
            }
        }

        /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
        public mutating func next() async throws -> JSONObject? {
            let frame = try await nextFrame()
            try throwFailure()
            return frame?.content
        }

        private mutating func throwFailure() throws {
            guard let failure else { return }
            self.failure = nil
            throw failure
        }

        /// The next frame with its id.
        /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
        public mutating func nextFrame() async throws -> Frame? {
            try throwFailure()
            while !isOver {
                do {
                    if connection == nil {
                        let target = try stream.request(resuming: wasOpen ? run : nil, after: lastID)
                        connection = try await FrameConnection(target)
                        wasOpen = true
                    }
                    if let frame = try await connection?.next() { return try take(frame) }
                    if case .tail = stream.source { break }
                    throw ConnectionError(.interrupted, "The stream broke off before its last frame.")
                } catch let refusal as LastFrame {
                    isOver = true
                    throw refusal.error
                } catch {
                    guard let wait = reconnectWait(after: error) else {
                        isOver = true
                        throw error
                    }
                    connection = nil
                    try await Task.sleep(for: .seconds(wait))
                }
            }
            isOver = true
            connection = nil
            return nil
        }

        /// What the server said last; not to be mistaken for a failure of the connection.
        private struct LastFrame: Error { let error: any Error }

        private mutating func reconnectWait(after error: any Error) -> Double? {
            guard wasOpen, run != nil else { return nil }
            failures += 1
            return Retry.wait(
                before: failures, after: error, spread: .random(in: -1...1), most: Retry.mostReconnects,
                longest: Retry.longestReconnectWait)
        }

        private mutating func take(_ frame: FrameConnection.Piece) throws -> Frame {
            let content = try? JSONParser.parse(frame.data, depth: JSONParser.documentDepth)
            guard let object = content?.objectValue else {
                throw LastFrame(
                    error: ConnectionError(
                        .unexpectedAnswer, "The stream holds a frame that is not a JSON object."))
            }
            failures = 0
            if !frame.id.isEmpty { lastID = frame.id }
            let out = Frame(id: frame.id.isEmpty ? nil : frame.id, content: object)
            if case .tail = stream.source {
                guard object["type"] == "error", object["id"] == nil else { return out }
                throw LastFrame(error: AgentOSError(wire: .object(object), status: nil))
            }
            switch object["type"]?.stringValue {
            case "start": run = object["run_id"]?.stringValue.flatMap { RunID($0) } ?? run
            case "done": isOver = true
            case "awaiting_approval", "awaiting_input":
                if case .run(_, _, throughPauses: true) = stream.source { connection = nil } else { isOver = true }
            case "error":
                let error = AgentOSError(wire: .object(object), status: nil)
                // Without a place it is not how the run ended: the server stops, and the run goes on when it is back.
                if out.id == nil, run != nil, error.code == .internal {
                    throw ConnectionError(.interrupted, error.message)
                }
                isOver = true
                connection = nil
                failure = error
            default: break
            }
            return out
        }
    }
}

extension FrameStream {
    /// - Parameter run: where a run that was begun by this stream is taken up again.
    private func request(resuming run: RunID?, after: String?) throws -> FrameConnection.Target {
        let own = workspace.map { ["workspace=\(Transport.percentEncoded($0))"] } ?? []
        func runStream(_ run: RunID) -> FrameConnection.Target {
            target(
                "/api/v1/runs/\(run)/stream", query: own,
                headers: after.map { [Header(name: "last-event-id", value: $0)] } ?? [])
        }
        if let run { return runStream(run) }
        switch source {
        case .invoke(let agent, let body, let key):
            return target(
                "/api/v1/agents/\(agent)/invoke", body: body.encoded, headers: try Header.idempotencyKey(key))
        case .run(let run, _, _): return runStream(run)
        case .tail(let query): return target("/api/v1/tail", query: query + own)
        }
    }

    private func target(
        _ path: String, query: [String] = [], body: [UInt8]? = nil, headers: [Header] = []
    ) -> FrameConnection.Target {
        FrameConnection.Target(
            transport: transport,
            request: transport.request(
                path + (query.isEmpty ? "" : "?" + query.joined(separator: "&")), body: body,
                accept: "text/event-stream", headers: headers))
    }
}
