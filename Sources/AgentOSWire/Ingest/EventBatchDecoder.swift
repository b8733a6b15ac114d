import AgentOSCore
import CSimdJSON

/// A decoded `POST /api/ingest/v1/events`.
public struct EventsRequest: Sendable {
    /// Items in one request.
    public static let maximumEvents = 1000

    public let runID: RunID
    public let batch: EventBatch

    /// Cuts and validates a batch by every rule of contract 3.1; payloads stay raw slices.
    /// - Throws: VALIDATION_ERROR naming the first offending field, e.g. `events[3].level`.
    public init(_ json: CheckedJSON) throws {
        let json = json.rewritten()
        let (runID, items, tokens, model) = try json.bytes.withUnsafeBufferPointer { text in
            let cut = aos_events_cut(text.baseAddress, json.count, Self.maximumEvents)
            guard cut.problem == AOS_OK else { throw AgentOSError(.validation, "The body is not valid JSON.") }
            let validator = EventValidator(json: json, text: text)
            let runID = try validator.runID(JSONSlice(cut.run_id))
            try validator.checkList(JSONSlice(cut.events), count: cut.count)
            var items: [EventBatch.Item] = []
            items.reserveCapacity(cut.count)
            var tokens: [EventBatch.Tokens] = []
            var model: String?
            for index in 0..<cut.count {
                items.append(try validator.item(cut.items[index], at: index, tokens: &tokens, model: &model))
            }
            return (runID, items, tokens, model)
        }
        self.runID = RunID(runID)
        batch = EventBatch(bytes: json.bytes, items: items, tokens: tokens, model: model)
    }
}

/// The rules of contract 3.1 for one cut event.
struct EventValidator {
    let json: CheckedJSON
    let text: UnsafeBufferPointer<UInt8>

    func runID(_ slice: JSONSlice) throws -> UUIDBits {
        guard slice.kind != .missing else { throw AgentOSError.invalid("run_id", "is required") }
        guard !slice.repeated else { throw AgentOSError.invalid("run_id", "is given more than once") }
        guard slice.kind == .string, slice.length == 38,
            let bits = UUIDBits(utf8: UnsafeBufferPointer(rebasing: text[slice.offset + 1..<slice.offset + 37]))
        else { throw AgentOSError.invalid("run_id", "must be a UUID") }
        return bits
    }

    func checkList(_ slice: JSONSlice, count: Int) throws {
        guard slice.kind != .missing else { throw AgentOSError.invalid("events", "is required") }
        guard !slice.repeated else { throw AgentOSError.invalid("events", "is given more than once") }
        guard slice.kind == .array else { throw AgentOSError.invalid("events", "must be an array") }
        guard count > 0 else { throw AgentOSError.invalid("events", "must hold at least one event") }
        guard count <= EventsRequest.maximumEvents else {
            throw AgentOSError.invalid(
                "events", "must hold at most \(EventsRequest.maximumEvents) events, not \(count)")
        }
    }

    /// - Parameters:
    ///   - tokens: gets what the event tells of tokens.
    ///   - model: gets the model that a request of the run names, when none was named before.
    func item(
        _ event: aos_event, at index: Int, tokens: inout [EventBatch.Tokens], model: inout String?
    ) throws -> EventBatch.Item {
        guard event.kind == UInt8(AOS_OBJECT.rawValue) else {
            throw AgentOSError.invalid("events[\(index)]", "must be an object")
        }
        let fields = event.fields
        func invalid(_ name: StaticString, _ problem: String) -> AgentOSError {
            .invalid("events[\(index)].\(name)", problem)
        }
        func given(_ value: aos_value, _ name: StaticString) throws -> JSONSlice? {
            guard value.kind != 0 else { return nil }
            guard value.repeated == 0 else { throw invalid(name, "is given more than once") }
            return JSONSlice(value)
        }
        func string(_ value: aos_value, _ name: StaticString, _ bound: Int?, empty: Bool) throws -> JSONSlice? {
            guard let slice = try given(value, name) else { return nil }
            guard slice.kind == .string else { throw invalid(name, "must be a string, not \(slice.kind.phrase)") }
            if slice.length == 2, !empty { throw invalid(name, "must not be empty") }
            if let bound, slice.length - 2 > bound {
                let length = FieldReader.text(json, slice)?.unicodeScalars.count ?? 0
                if length > bound { throw invalid(name, "must be at most \(bound) characters long, not \(length)") }
            }
            return slice
        }
        func time(_ value: aos_value, _ name: StaticString) throws -> Int64? {
            guard let slice = try given(value, name) else { return nil }
            guard slice.kind == .string, let time = timestamp(slice) else {
                throw invalid(name, "must be an ISO 8601 time with a zone, like 2026-05-11T20:00:00.000Z")
            }
            return time
        }

        guard let type = try string(fields.0, "type", 255, empty: false) else { throw invalid("type", "is required") }
        var isError = false
        if let level = try given(fields.1, "level") {
            guard level.kind == .string, let known = self.level(level) else {
                throw invalid("level", "must be one of debug, info, warn, error")
            }
            isError = known == .error
        }
        if let payload = try given(fields.2, "payload"), payload.kind != .object {
            throw invalid("payload", "must be an object, not \(payload.kind.phrase)")
        }
        let occurredAt = try time(fields.3, "occurred_at")
        let spanID = try string(fields.4, "span_id", 64, empty: false)
        _ = try string(fields.5, "parent_span_id", nil, empty: true)
        let kind = try string(fields.6, "kind", nil, empty: true)
        let startedAt = try time(fields.7, "started_at")
        let endedAt = try time(fields.8, "ended_at")
        var hasDuration = false
        if let duration = try given(fields.9, "duration_ms") {
            guard duration.kind == .number, let value = FieldReader.integer(json, duration), value >= 0 else {
                throw invalid("duration_ms", "must be an integer of at least 0")
            }
            hasDuration = true
        }
        if spanID != nil {
            if startedAt == nil { throw invalid("started_at", "is required for a span") }
            if endedAt == nil { throw invalid("ended_at", "is required for a span") }
            if !hasDuration { throw invalid("duration_ms", "is required for a span") }
        }
        let isModelSpan = spanID != nil && kind.map { matches($0, "llm") } == true
        if isModelSpan || matches(type, "llm.response"), fields.2.kind == UInt8(AOS_OBJECT.rawValue),
            let (usage, named) = usage(in: JSONSlice(fields.2))
        {
            // A span of a model call is named after the model, where it does not say it in its payload (contract 3.1).
            let name = named ?? (isModelSpan ? FieldReader.text(json, type) : nil)
            tokens.append(.init(item: index, usage: usage, isSpan: isModelSpan, model: name))
        } else if model == nil, matches(type, "llm.request"), fields.2.kind == UInt8(AOS_OBJECT.rawValue) {
            model = self.model(in: FieldReader(json, in: JSONSlice(fields.2), names: ["model"]))
        }
        return EventBatch.Item(
            offset: event.offset, length: event.length,
            digest: digest(event, spanID: spanID, hasTime: occurredAt != nil), occurredAt: occurredAt,
            isSpan: spanID != nil, isError: isError)
    }

    /// Spans are known by their id, other events by their bytes; one without time or span id is never a repeat.
    private func digest(_ event: aos_event, spanID: JSONSlice?, hasTime: Bool) -> UInt64 {
        if let spanID {
            if spanID.escaped, var text = FieldReader.text(json, spanID) {
                return max(1, text.withUTF8 { aos_digest($0.baseAddress, $0.count, 1) })
            }
            guard let base = text.baseAddress else { return 0 }
            return max(1, aos_digest(base + spanID.offset + 1, spanID.length - 2, 1))
        }
        return hasTime ? max(1, event.digest) : 0
    }

    private func timestamp(_ slice: JSONSlice) -> Int64? {
        if slice.escaped {
            return FieldReader.text(json, slice).flatMap { Timestamp(iso8601: $0) }?.microseconds
        }
        let inner = UnsafeBufferPointer(rebasing: text[slice.offset + 1..<slice.offset + slice.length - 1])
        return Timestamp(iso8601: inner)?.microseconds
    }

    private func matches(_ slice: JSONSlice, _ word: StaticString) -> Bool {
        if slice.escaped { return FieldReader.text(json, slice) == "\(word)" }
        guard slice.length - 2 == word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where text[slice.offset + 1 + index] != word.utf8Start[index] {
            return false
        }
        return true
    }

    private func level(_ slice: JSONSlice) -> EventLevel? {
        if matches(slice, "info") { return .info }
        if matches(slice, "debug") { return .debug }
        if matches(slice, "warn") { return .warn }
        return matches(slice, "error") ? .error : nil
    }

    /// The token counts at the top level of a payload, and whose they are; nil when it carries none. Counts that are no
    /// counts are skipped: a payload is free-form and never a reason to refuse an event.
    private func usage(in payload: JSONSlice) -> (usage: TokenUsage, model: String?)? {
        let names: [StaticString] = [
            "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "model",
        ]
        let reader = FieldReader(json, in: payload, names: names)
        var found = false
        func count(_ name: StaticString) -> Int {
            guard let slice = try? reader.slice(name), slice.kind == .number,
                let value = FieldReader.integer(json, slice), value >= 0
            else { return 0 }
            found = true
            return min(value, Int(Int32.max) * 1024)
        }
        let usage = TokenUsage(
            input: count(names[0]), output: count(names[1]), cacheRead: count(names[2]), cacheCreation: count(names[3]))
        guard found else { return nil }
        return (usage, model(in: reader))
    }

    /// The model that a payload names.
    private func model(in payload: FieldReader) -> String? {
        let slice = (try? payload.slice("model")).flatMap { $0.kind == .string && $0.length < 202 ? $0 : nil }
        return slice.flatMap { FieldReader.text(json, $0) }
    }
}
