import AgentOSCore
import Foundation
import Logging

/// What a person sees when the server has started: where it is, and a line to paste. Keys are read from the file that
/// holds them, so that none lands in a log. Where the log is JSON, this is a line of it.
struct Banner: Sendable {
    let configuration: ServerConfiguration
    let folder: DataFolder
    let isFirstStart: Bool
    let logger: Logger

    func show(port: Int) {
        let url = configuration.ownURL(port: port)
        switch configuration.logFormat {
        case .console: StandardOutput.write(Array(text(url).utf8))
        case .json:
            var facts: Logger.Metadata = [
                "url": .string(url), "data": .string(folder.path), "version": .string(ServerCommand.version),
            ]
            if isFirstStart { facts["keys"] = .string(folder.credentials) }
            logger.notice("serving", metadata: facts)
        }
    }

    private func text(_ url: String) -> String {
        var lines = ["", "agentos \(ServerCommand.version) is serving \(url)", "  data       \(folder.path)"]
        if isFirstStart { lines.append("  keys       \(folder.credentials) (made just now; keep it safe)") }
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
        return lines.joined(separator: "\n") + "\n"
    }
}
