import AgentOSCore
import Foundation
import Logging

/// Writes log lines to the standard output: for people, or one JSON object a line. Values are metadata, never payloads.
struct LineLogHandler: LogHandler {
    let label: String
    let format: ServerConfiguration.LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        let time = WallClock.system().now()
        var out: [UInt8]
        switch format {
        case .json:
            var object: JSONObject = [
                "time": .time(time), "level": .string(event.level.rawValue), "logger": .string(label),
                "message": .string("\(event.message)"),
            ]
            for (key, value) in merged.sorted(by: { $0.key < $1.key }) { object[key] = .string("\(value)") }
            out = JSONValue.object(object).encoded
        case .console:
            var line = "\(time.iso8601) \(event.level.rawValue.uppercased()) \(event.message)"
            for (key, value) in merged.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
            out = Array(line.replacingOccurrences(of: "\n", with: "\\n").utf8)
        }
        out.append(0x0a)
        StandardOutput.write(out)
    }
}
