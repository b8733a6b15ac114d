import AgentOSClient
import ArgumentParser
import Foundation

struct EvalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Try all eval cases of an agent and say how they went.",
        discussion: "Exits with 1 when a case did not pass, so that it can stand in a pipeline.")

    @Argument(help: "The agent's name or id.")
    var agent: String

    @Option(help: "Of the agent's configuration (default: as it is now).")
    var version: Int?

    @Option(help: "Also write the results to this file, in JUnit's XML.")
    var junit: String?

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        var parameters: JSONObject = ["agent_id": .string(try await client.agentID(agent).description)]
        if let version { parameters["version"] = .int(version) }
        let suite = try await client.rpc("evals_run_suite", parameters).data.cell("eval_suite_id")
        let bar = ProgressBar()
        var result: JSONValue
        repeat {
            result = try await client.rpc("evals_get_suite", ["eval_suite_id": .string(suite)]).data
            let counts = ["passed", "failed", "errors"].map { result[$0]?.intValue ?? 0 }
            bar.show(counts.reduce(0, +), of: result["total"]?.intValue ?? 0)
            if result["status"] == "running" { try await Task.sleep(for: .milliseconds(200)) }
        } while result["status"] == "running"
        bar.clear()
        let runs = result["runs"]?.arrayValue ?? []
        if let junit {
            let report = JUnitReport(suite: agent, version: result["version"]?.intValue, runs: runs)
            guard FileManager.default.createFile(atPath: junit, contents: Data(report.xml.utf8)) else {
                throw CommandFailure("Cannot write \(junit).")
            }
        }
        if json {
            Output.json(result)
        } else {
            var table = Table("CASE", "STATUS", "RUN", "WHY")
            for run in runs {
                table.add(run.cell("name"), run.cell("status"), run.cell("run_id"), JUnitReport.reason(run) ?? "")
            }
            table.print(whenEmpty: "No cases.")
        }
        let passed = result["passed"]?.intValue ?? 0
        guard passed == runs.count else {
            throw CommandFailure("\(runs.count - passed) of \(runs.count) cases did not pass.")
        }
    }
}

/// A bar on a terminal's error output; nothing anywhere else.
private struct ProgressBar {
    private static let width = 30
    private let isShown = isatty(STDERR_FILENO) == 1

    func show(_ done: Int, of total: Int) {
        guard isShown, total > 0 else { return }
        let filled = done * Self.width / total
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        Output.progress("\r[\(bar)] \(done)/\(total)")
    }

    func clear() {
        if isShown { Output.progress("\r\u{1B}[K") }
    }
}
