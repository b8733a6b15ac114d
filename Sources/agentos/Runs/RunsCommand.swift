import AgentOSClient
import ArgumentParser

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "List, show, follow, cancel and replay runs and read their events.",
        subcommands: [
            List.self, Show.self, RunEventsCommand.self, RunWatchCommand.self, Cancel.self, RunReplayCommand.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List runs, newest first.")

        @Option(help: "Only runs of this agent, by name or id.")
        var agent: String?

        @Option(help: "running, completed, failed or cancelled.")
        var status: String?

        @Option(help: "How many at most.")
        var limit = 20

        @Flag(help: "Print a JSON array.")
        var json = false

        @OptionGroup var server: ServerOptions

        func validate() throws {
            if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            let client = try server.client()
            var params: JSONObject = ["limit": .int(min(limit, 100))]
            if let agent { params["agent_id"] = .string(try await client.agentID(agent).description) }
            if let status { params["status"] = .string(status) }
            let runs = try await client.rows("runs_list", params, limit: limit)
            if json { return Output.json(.array(runs)) }
            var table = Table("ID", "AGENT", "STATUS", "TRIGGER", "STARTED", "DURATION", "TOKENS", "ERROR")
            for run in runs {
                let tokens = [run["input_tokens"]?.intValue, run["output_tokens"]?.intValue].compactMap { $0 }
                table.add(
                    run.cell("id"), run.cell("agent_name"), run.cell("status"), run.cell("trigger_type"),
                    run.cell("started_at"), run.duration("duration_ms"),
                    tokens.isEmpty ? "" : String(tokens.reduce(0, +)), run.cell("error_message"))
            }
            table.print(whenEmpty: "No runs.")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one run with its input and output.")

        @Argument(help: "The run's id.")
        var run: String

        @Flag(help: "Print a JSON object.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let id: RunID = try parseID(run, "run")
            let found = try await server.client().rpc("runs_get", ["run_id": .string(id.description)]).data
            if json { return Output.json(found) }
            var card = Card()
            for (name, value) in found.objectValue?.members ?? [] where name != "tasks" {
                card.add(name, value.objectValue == nil && value.arrayValue == nil ? value.plain : value.prettyText)
            }
            card.print()
            let tasks = found["tasks"]?.arrayValue ?? []
            guard !tasks.isEmpty else { return }
            var table = Table("TASK", "NAME", "STATUS", "STARTED", "COMPLETED")
            for task in tasks {
                table.add(
                    task.cell("id"), task.cell("name"), task.cell("status"), task.cell("started_at"),
                    task.cell("completed_at"))
            }
            Output.line("")
            table.print(whenEmpty: "")
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancel a run that has not ended.")

        @Argument(help: "The run's id.")
        var run: String

        @Option(help: "Why; kept with the run.")
        var reason: String?

        @Flag(help: "Print the answer as JSON.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let id: RunID = try parseID(run, "run")
            var params: JSONObject = ["run_id": .string(id.description)]
            if let reason { params["reason"] = .string(reason) }
            let answer = try await server.client().rpc("runs_cancel", params).data
            if json { return Output.json(answer) }
            Output.line("Cancelled run \(id).")
        }
    }
}
