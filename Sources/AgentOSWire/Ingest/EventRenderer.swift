import AgentOSCore
import CSimdJSON

/// Writes stored events as the control plane shows them (contract 3.2): absent members become null, times are UTC with
/// milliseconds, the payload is spliced in as it was sent.
public struct EventRenderer {
    private let run: RunID
    /// Written after the documented members of each event, e.g. `,"agent_id":"…"`.
    private let suffix: [UInt8]
    private var scratch: [UInt8] = []

    public init(run: RunID, suffix: [UInt8] = []) {
        self.run = run
        self.suffix = suffix
    }

    public mutating func append(_ event: StoredEvent, to out: inout JSONWriter) {
        let padding = aos_padding()
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: event.raw)
        let length = scratch.count
        scratch.append(contentsOf: repeatElement(0x20, count: padding))
        scratch.withUnsafeBufferPointer { text in
            var cut = aos_event()
            guard aos_event_cut(text.baseAddress, length, &cut) else { return }
            render(event, cut, text, &out)
        }
    }

    private func render(
        _ event: StoredEvent, _ cut: aos_event, _ text: UnsafeBufferPointer<UInt8>, _ out: inout JSONWriter
    ) {
        let fields = cut.fields
        func slice(_ value: aos_value) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(rebasing: text[Int(value.offset)..<Int(value.offset) + Int(value.length)])
        }
        func spliced(_ name: StaticString, _ value: aos_value, otherwise: StaticString) {
            out.raw(name)
            if value.kind == 0 { out.raw(otherwise) } else { out.raw(slice(value)) }
        }
        func time(_ name: StaticString, _ value: aos_value, otherwise: Timestamp?) {
            out.raw(name)
            var parsed = otherwise
            if value.kind != 0 {
                let bytes = slice(value)
                let inner = UnsafeBufferPointer(rebasing: bytes[1..<bytes.count - 1])
                parsed =
                    Timestamp(iso8601: inner)
                    ?? (try? JSONParser.parse(bytes))?.stringValue.flatMap { Timestamp(iso8601: $0) } ?? otherwise
            }
            if let parsed { out.time(parsed) } else { out.raw("null") }
        }
        out.raw("{\"id\":")
        out.id(.derived(from: run.bits, number: UInt64(event.sequence)))
        out.raw(",\"run_id\":")
        out.id(run.bits)
        out.raw(",\"sequence_number\":")
        out.int(event.sequence)
        spliced(",\"type\":", fields.0, otherwise: "\"\"")
        spliced(",\"level\":", fields.1, otherwise: "\"info\"")
        spliced(",\"payload\":", fields.2, otherwise: "{}")
        time(",\"occurred_at\":", fields.3, otherwise: event.createdAt)
        spliced(",\"span_id\":", fields.4, otherwise: "null")
        spliced(",\"parent_span_id\":", fields.5, otherwise: "null")
        spliced(",\"kind\":", fields.6, otherwise: "null")
        time(",\"started_at\":", fields.7, otherwise: nil)
        time(",\"ended_at\":", fields.8, otherwise: nil)
        out.raw(",\"duration_ms\":")
        if fields.9.kind == 0 {
            out.raw("null")
        } else {
            out.int(Int64(FieldReader.integer(literal: slice(fields.9)) ?? 0))
        }
        out.raw(",\"created_at\":")
        out.time(event.createdAt)
        out.raw(suffix)
        out.raw("}")
    }
}
