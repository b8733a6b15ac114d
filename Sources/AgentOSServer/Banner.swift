import AgentOSCore
import Foundation

/// What a person sees when the server has started: where it is, and a line to paste. Keys are read from the file that
/// holds them, so that none lands in a log.
struct Banner: Sendable {
    let configuration: ServerConfiguration
    let folder: DataFolder
    let isFirstStart: Bool

    func print(port: Int) {
        let host = configuration.host == "0.0.0.0" || configuration.host == "::" ? "127.0.0.1" : configuration.host
        let url = "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        var lines = ["", "agentos \(ServerCommand.version) is serving \(url)", "  data       \(folder.path)"]
        if isFirstStart { lines.append("  keys       \(folder.credentials) (made just now; keep it safe)") }
        lines.append("  dashboard  \(configuration.publicURL ?? url)/ (to come)")
        if FileManager.default.fileExists(atPath: folder.credentials) {
            let member = { (name: String) in
                "$(sed -n 's/.*\"\(name)\": *\"\\([^\"]*\\)\".*/\\1/p' '\(folder.credentials)')"
            }
            lines += [
                "", "Try it:", "",
                "  curl -s \"\(url)/api/v1/agents/\(member("hosted_agent_id"))/invoke\" "
                    + "-H \"authorization: Bearer \(member("hosted_agent_key"))\" "
                    + "-d '{\"input\":{\"message\":\"Hello, what time is it?\"}}'",
            ]
        }
        lines.append("")
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
