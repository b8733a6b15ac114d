import AgentOSCore
import AgentOSStore

/// Collects the events of a hosted run until they are committed with the journal entries they belong to.
struct RunRecorder: Sendable {
    /// Texts in events are cut at this many bytes; the journal holds them whole.
    static let textBound = 200_000

    let run: RunID
    private(set) var batch = EventBatch()

    init(run: RunID) { self.run = run }

    /// The id of the run's root span: always the same for a run.
    var rootSpan: UUIDBits { .derived(from: run.bits, number: 0) }

    var isEmpty: Bool { batch.items.isEmpty }

    mutating func point(_ type: String, at time: Timestamp, level: EventLevel = .info, _ payload: JSONObject) {
        var out = JSONWriter(capacity: 512)
        head(type, level, payload, time, &out)
        out.raw("}")
        batch.append(event: out.bytes, occurredAt: time, isError: level == .error)
    }

    mutating func span(
        _ type: String, kind: StaticString, id: UUIDBits, parent: UUIDBits?, from start: Timestamp, to end: Timestamp,
        level: EventLevel = .info, tokens: TokenUsage? = nil, model: String? = nil, cost: Money? = nil,
        _ payload: JSONObject
    ) {
        var out = JSONWriter(capacity: 512)
        head(type, level, payload, start, &out)
        out.raw(",\"kind\":\"")
        out.raw(kind)
        out.raw("\",\"span_id\":")
        out.id(id)
        if let parent {
            out.raw(",\"parent_span_id\":")
            out.id(parent)
        }
        out.raw(",\"started_at\":")
        out.time(start)
        out.raw(",\"ended_at\":")
        out.time(end)
        out.raw(",\"duration_ms\":")
        out.int(Int64(end.millisecondsSince(start)))
        out.raw("}")
        batch.append(
            event: out.bytes, occurredAt: start, isSpan: true, isError: level == .error, tokens: tokens,
            model: model, cost: cost)
    }

    /// How the run ended, and its root span.
    mutating func end(
        _ outcome: RunOutcome, agent: String, usage: TokenUsage, from start: Timestamp, to end: Timestamp
    ) {
        var root = JSONObject(usage.members())
        var level = EventLevel.info
        switch outcome {
        case .completed(let output): point("run.completed", at: end, ["output": output])
        case .failed(_, let message, _):
            level = .error
            root["error"] = .string(message)
            point("run.failed", at: end, level: .error, ["error": .string(message)])
        case .cancelled(let reason): point("run.cancelled", at: end, ["reason": .optional(reason)])
        }
        span(agent, kind: "agent", id: rootSpan, parent: nil, from: start, to: end, level: level, root)
    }

    private func head(
        _ type: String, _ level: EventLevel, _ payload: JSONObject, _ time: Timestamp, _ out: inout JSONWriter
    ) {
        out.raw("{\"type\":")
        out.string(type.isEmpty ? "unnamed" : type)
        out.raw(",\"level\":\"")
        out.raw(level.word.utf8)
        out.raw("\",\"payload\":")
        out.value(.object(payload))
        out.raw(",\"occurred_at\":")
        out.time(time)
    }

    /// Hands over what was collected, compressed; nil when there is nothing.
    mutating func take(at time: Timestamp) throws -> OwnEvents? {
        guard !batch.items.isEmpty else { return nil }
        defer { batch = EventBatch() }
        return try OwnEvents(batch, createdAt: time)
    }

    /// A text as an event shows it: JSON where it is JSON, cut where it is long.
    static func shown(_ text: String) -> JSONValue {
        guard text.utf8.count <= textBound else {
            return .string(String(decoding: text.utf8.prefix(textBound), as: UTF8.self) + "… (cut)")
        }
        let first = text.utf8.first
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["), let value = try? JSONParser.parse(text) {
            return value
        }
        return .string(text)
    }
}

extension TokenUsage {
    /// As payload members; the cache classes only when they count.
    func members() -> [(String, JSONValue)] {
        var out: [(String, JSONValue)] = [("input_tokens", .int(input)), ("output_tokens", .int(output))]
        if cacheRead > 0 { out.append(("cache_read_tokens", .int(cacheRead))) }
        if cacheCreation > 0 { out.append(("cache_creation_tokens", .int(cacheCreation))) }
        return out
    }
}
