import AgentOSCore
import Synchronization

/// Reports one run: events are queued and sent in batches in the background, in order, one batch at a time.
///
/// `emit` never waits and never throws. What was emitted is certainly stored only after `flush`, `complete`, `fail`
/// or `cancel` returned. End every run with one of the last three; a reporter that is dropped before sends nothing
/// more.
public final class RunReporter: Sendable {
    /// How events are gathered. The defaults are those of the official client.
    public struct Options: Sendable {
        /// Events a request; reaching it sends at once.
        public var batchSize = 50
        /// How long the first queued event waits for others.
        public var interval: Duration = .milliseconds(500)
        /// Beyond these bounds events are dropped, the oldest debug and info events first.
        public var mostQueuedEvents = 1000
        public var mostQueuedBytes = 16 << 20

        public init() {}
    }

    private struct State {
        var queue: EventQueue
        /// The newest `occurred_at` given out: each is later than the one before, so that two equal events are never
        /// taken for one that was sent twice.
        var lastTime = Timestamp(microseconds: 0)
        var timer: Task<Void, Never>?
        /// The batch on its way. Its end takes it away again. Throws what may go away; a refusal is kept below.
        var sending: Task<Void, any Error>?
        /// Why the server refused a batch for good, until somebody is told.
        var refusal: (any Error)?
        var ended = false
    }

    private static let pauseAfterFailure: Duration = .seconds(5)

    public let runID: RunID
    private let client: AgentOSClient
    private let options: Options
    private let clock = WallClock.system()
    private let state: Mutex<State>

    init(client: AgentOSClient, runID: RunID, options: Options) {
        self.client = client
        self.runID = runID
        self.options = options
        let most = max(options.mostQueuedEvents, options.batchSize)
        state = Mutex(State(queue: EventQueue(mostEvents: most, mostBytes: options.mostQueuedBytes)))
    }

    deinit { state.withLock { $0.timer?.cancel() } }

    /// Events that were given up: the queue was full, or the server refused them for good.
    public var droppedEvents: Int { state.withLock { $0.queue.dropped } }

    // MARK: - Events

    /// Queues an event. Ignored once the run has ended.
    public func emit(_ type: String, level: EventLevel = .info, payload: JSONObject = [:]) {
        state.withLock { state in
            guard !state.ended else { return }
            let time = stamp(&state)
            enqueue(
                [
                    "type": .string(type), "level": .string(level.word), "payload": .object(payload),
                    "occurred_at": time,
                ],
                level: level, in: &state)
        }
    }

    /// Queues a span: a piece of work that is over. Returns its id, for its children's `parent`.
    @discardableResult
    public func emitSpan(
        _ name: String, kind: String? = nil, id: String? = nil, parent: String? = nil, level: EventLevel = .info,
        started: Timestamp, ended: Timestamp, payload: JSONObject = [:]
    ) -> String {
        let id = id ?? UUIDBits.v7(at: started).text
        var event: JSONObject = [
            "type": .string(name), "level": .string(level.word), "payload": .object(payload),
            "occurred_at": .string(Self.text(started)), "span_id": .string(id),
            "started_at": .string(Self.text(started)), "ended_at": .string(Self.text(ended)),
            "duration_ms": .int(ended.millisecondsSince(started)),
        ]
        if let kind { event["kind"] = .string(kind) }
        if let parent { event["parent_span_id"] = .string(parent) }
        state.withLock { state in
            if !state.ended { enqueue(event, level: level, in: &state) }
        }
        return id
    }

    private func stamp(_ state: inout State) -> JSONValue {
        let now = clock.now()
        let next = Timestamp(microseconds: state.lastTime.microseconds + 1)
        state.lastTime = max(now, next)
        return .string(Self.text(state.lastTime))
    }

    /// With microseconds, which `Timestamp.iso8601` leaves out.
    private static func text(_ time: Timestamp) -> String {
        let rest = String(time.microseconds - time.milliseconds * 1000)
        return time.iso8601.dropLast() + String(repeating: "0", count: max(0, 3 - rest.utf8.count)) + rest + "Z"
    }

    private func enqueue(_ event: JSONObject, level: EventLevel, in state: inout State) {
        state.queue.append(.init(bytes: JSONValue.object(event).encoded, level: level))
        if state.queue.count >= options.batchSize, state.sending == nil {
            send(&state)
        } else {
            wakeLater(after: options.interval, &state)
        }
    }

    /// The timer is cancelled when the run is ended or the reporter goes away.
    private func wakeLater(after wait: Duration, _ state: inout State) {
        guard state.timer == nil else { return }
        state.timer = Task { [weak self] in
            guard (try? await Task.sleep(for: wait)) != nil else { return }
            self?.state.withLock { state in
                state.timer = nil
                if state.sending == nil { self?.send(&state) }
            }
        }
    }

    // MARK: - Sending

    /// Starts the next batch. Nobody cancels it: it ends by itself, after the last repeat at the latest.
    private func send(_ state: inout State) {
        let batch = state.queue.take(options.batchSize)
        guard !batch.isEmpty else { return }
        state.sending = Task { [self] in
            do {
                try await client.ingest("events", body(batch))
                finish(batch, nil)
            } catch {
                finish(batch, error)
                if Retry.isTransient(error) { throw error }
            }
        }
    }

    private func body(_ batch: [EventQueue.Entry]) -> [UInt8] {
        var writer = JSONWriter(capacity: batch.reduce(128) { $0 + $1.bytes.count + 1 })
        writer.raw("{\"run_id\":")
        writer.id(runID.bits)
        writer.raw(",\"events\":[")
        for (position, entry) in batch.enumerated() {
            if position > 0 { writer.byte(UInt8(ascii: ",")) }
            writer.raw(entry.bytes)
        }
        writer.raw("]}")
        return writer.bytes
    }

    /// A batch that failed for now goes back to the head; one that was refused for good is given up, alone.
    private func finish(_ batch: [EventQueue.Entry], _ error: (any Error)?) {
        state.withLock { state in
            state.sending = nil
            if let error {
                if Retry.isTransient(error) {
                    state.queue.putBack(batch)
                    if state.ended {
                        state.queue.giveUp()
                    } else {
                        wakeLater(after: Self.pauseAfterFailure, &state)
                    }
                    return
                }
                state.queue.countDropped(batch.count)
                state.refusal = state.refusal ?? error
            }
            if state.queue.count >= options.batchSize {
                send(&state)
            } else if !state.queue.isEmpty {
                wakeLater(after: options.interval, &state)
            }
        }
    }

    /// Sends everything that is queued and waits until the server has it.
    /// - Throws: why events could not be sent for now: they stay queued. And why the server refused events for good
    ///   since the last call: those are given up, but all others have been sent.
    public func flush() async throws {
        while true {
            let sending = state.withLock { state in
                if state.sending == nil { send(&state) }
                return state.sending
            }
            guard let sending else { break }
            try await sending.value
        }
        let refusal = state.withLock { state in
            defer { state.refusal = nil }
            return state.refusal
        }
        if let refusal { throw refusal }
    }

    // MARK: - The end

    /// Ends the run as completed, with what it brought and, when known, what it used.
    public func complete(output: JSONValue? = nil, usage: GivenUsage = GivenUsage()) async throws {
        var body: JSONObject = [:]
        if let output, !output.isNull { body["output"] = output }
        if let count = usage.input { body["input_tokens"] = .int(count) }
        if let count = usage.output { body["output_tokens"] = .int(count) }
        if let count = usage.cacheRead { body["cache_read_tokens"] = .int(count) }
        if let count = usage.cacheCreation { body["cache_creation_tokens"] = .int(count) }
        try await end("run/complete", body)
    }

    /// Ends the run as failed. The message is cut at 4,000 characters, the most the server takes.
    public func fail(_ message: String, detail: JSONObject? = nil) async throws {
        let cut = String(String.UnicodeScalarView(message.unicodeScalars.prefix(4000)))
        var body: JSONObject = ["error_message": .string(cut.isEmpty ? "Failed without a message." : cut)]
        if let detail { body["error_detail"] = .object(detail) }
        try await end("run/fail", body)
    }

    /// Ends the run as cancelled.
    public func cancel(reason: String? = nil) async throws {
        let cut = reason.map { String(String.UnicodeScalarView($0.unicodeScalars.prefix(1000))) } ?? ""
        try await end("run/cancel", cut.isEmpty ? [:] : ["reason": .string(cut)])
    }

    /// Sends what is queued, then the end; the end also when the events could not be sent, and then throws why.
    private func end(_ call: String, _ members: JSONObject) async throws {
        var flushError: (any Error)?
        do { try await flush() } catch { flushError = error }
        var body: JSONObject = ["run_id": .string(runID.description)]
        for (key, value) in members.members { body[key] = value }
        try await client.ingest(call, JSONValue.object(body).encoded)
        state.withLock { state in
            state.ended = true
            state.timer?.cancel()
            state.timer = nil
            state.queue.giveUp()
        }
        if let flushError { throw flushError }
    }
}
