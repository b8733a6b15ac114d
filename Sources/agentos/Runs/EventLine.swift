import AgentOSCore

/// An event as one line for people.
enum EventLine {
    private static let longestPayload = 160

    static func text(_ event: JSONValue, withRun: Bool) -> String {
        let payload = event["payload"]?.text ?? "{}"
        let cut = payload.count > longestPayload ? payload.prefix(longestPayload - 1) + "…" : payload[...]
        var parts = [event.cell("occurred_at"), padded(event.cell("level"), 5)]
        if withRun { parts.append(event.cell("run_id")) }
        parts.append(event.cell("sequence_number"))
        let kind = event.cell("kind")
        parts.append(kind.isEmpty ? event.cell("type") : "\(event.cell("type")) [\(kind)]")
        let duration = event.duration("duration_ms")
        if !duration.isEmpty { parts.append(duration) }
        if payload != "{}" { parts.append(String(cut)) }
        return Output.printable(parts.joined(separator: "  "))
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
