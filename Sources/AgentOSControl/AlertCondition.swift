import AgentOSCore

/// What alert rules watch for, and the thresholds each needs.
enum AlertCondition {
    static let types = [
        "run_failed", "run_duration_exceeded", "error_rate_exceeded", "no_runs", "cost_exceeded", "budget_near",
        "event_emitted",
    ]

    /// The names that older documents use.
    private static let aliases = ["duration_ms": "threshold_ms", "error_rate_pct": "threshold_pct"]

    private static func required(_ type: String) -> String? {
        switch type {
        case "run_duration_exceeded": "threshold_ms"
        case "error_rate_exceeded": "threshold_pct"
        case "cost_exceeded": "threshold_usd"
        default: nil
        }
    }

    private static func known(_ type: String) -> [String: ClosedRange<Double>] {
        let window = ["window_minutes": 1.0...525_600.0]
        switch type {
        case "run_duration_exceeded": return ["threshold_ms": 0...1e12]
        case "error_rate_exceeded":
            return window.merging(["threshold_pct": 0...100, "window_runs": 1...10_000]) { a, _ in a }
        case "no_runs": return window
        case "budget_near": return ["threshold_pct": 0...100]
        case "cost_exceeded": return window.merging(["threshold_usd": 0...1e9]) { a, _ in a }
        default: return [:]
        }
    }

    private static func eventType(_ given: JSONObject) throws -> JSONObject {
        for (name, value) in given.members where !value.isNull && name != "event_type" {
            throw AgentOSError.invalid("condition_config.\(name.prefix(80))", "is unknown; there is event_type")
        }
        guard let value = given["event_type"], !value.isNull else {
            throw AgentOSError.invalid("condition_config.event_type", "is required for event_emitted")
        }
        guard let type = value.stringValue, (1...200).contains(type.unicodeScalars.count) else {
            throw AgentOSError.invalid("condition_config.event_type", "must be a string of 1 to 200 characters")
        }
        return ["event_type": value]
    }

    /// The configuration under its own names, complete.
    /// - Throws: VALIDATION_ERROR naming the member.
    static func checked(_ type: String, _ given: JSONObject) throws -> JSONObject {
        if type == "event_emitted" { return try eventType(given) }
        var out = JSONObject()
        let known = known(type)
        for (name, value) in given.members where !value.isNull {
            var (name, value) = (aliases[name] ?? name, value)
            if name == "hours_since_last_run", let hours = value.doubleValue {
                (name, value) = ("window_minutes", .double(hours * 60))
            }
            let path = "condition_config.\(name.prefix(80))"
            guard let range = known[name] else {
                let names = known.keys.sorted().joined(separator: ", ")
                throw AgentOSError.invalid(
                    path, names.isEmpty ? "is unknown: \(type) has no thresholds" : "is unknown; there are \(names)")
            }
            guard case .number = value, let number = value.doubleValue, range.contains(number) else {
                throw AgentOSError.invalid(
                    path, "must be a number between \(range.lowerBound) and \(range.upperBound)")
            }
            out[name] = value
        }
        if let name = required(type), out[name] == nil {
            throw AgentOSError.invalid("condition_config.\(name)", "is required for \(type)")
        }
        if type == "budget_near", out["threshold_pct"] == nil { out["threshold_pct"] = 80 }
        if known["window_minutes"] != nil, out["window_minutes"] == nil, out["window_runs"] == nil {
            out["window_minutes"] = 60
        }
        return out
    }
}
