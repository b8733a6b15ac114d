import AgentOSCore

/// Tries of eval cases in the XML that build servers read.
struct JUnitReport {
    let suite: String
    let version: Int?
    let runs: [JSONValue]

    var xml: String {
        func count(_ status: String) -> Int { runs.count { $0["status"]?.stringValue == status } }
        let name = Self.escaped(version.map { "\(suite), version \($0)" } ?? suite)
        let counts = "tests=\"\(runs.count)\" failures=\"\(count("failed"))\" errors=\"\(count("error"))\""
        var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#, #"<testsuites \#(counts)>"#]
        lines.append(#"  <testsuite name="\#(name)" \#(counts)>"#)
        for run in runs {
            let start =
                #"    <testcase classname="\#(name)" name="\#(Self.escaped(run.cell("name")))" time="\#(Self.seconds(run))""#
            guard let reason = Self.reason(run) else {
                lines.append(start + "/>")
                continue
            }
            let kind = run["status"]?.stringValue == "error" ? "error" : "failure"
            let text = Self.escaped(reason)
            lines.append(start + #"><\#(kind) message="\#(text)">\#(text)</\#(kind)></testcase>"#)
        }
        return (lines + ["  </testsuite>", "</testsuites>"]).joined(separator: "\n") + "\n"
    }

    /// Why a try did not pass; nil when it did.
    static func reason(_ run: JSONValue) -> String? {
        guard run["status"]?.stringValue != "passed" else { return nil }
        let failed = (run["results"]?.arrayValue ?? []).filter { $0["passed"]?.boolValue == false }.map { result in
            "\(result.cell("assertion_type")): expected \(short(result["expected_value"])), was \(short(result["actual_value"]))"
        }
        let message = run["error_message"]?.stringValue.map { [$0] } ?? []
        return (message + failed).joined(separator: "; ")
    }

    private static func short(_ value: JSONValue?) -> String { String((value ?? .null).text.prefix(300)) }

    private static func seconds(_ run: JSONValue) -> String {
        func time(_ name: String) -> Timestamp? { run[name]?.stringValue.flatMap { Timestamp(iso8601: $0) } }
        guard let start = time("created_at"), let end = time("completed_at") else { return "0" }
        return "\(Double(end.microseconds - start.microseconds) / 1e6)"
    }

    private static func escaped(_ text: String) -> String {
        // What XML 1.0 cannot hold at all, and what would break a line.
        let clean = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            if scalar.value < 0x20 { return " " }
            return scalar.value == 0xfffe || scalar.value == 0xffff ? "\u{fffd}" : scalar
        }
        return String(String.UnicodeScalarView(clean)).escapedForMarkup
    }
}
