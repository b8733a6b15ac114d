import AgentOSClient
import ArgumentParser

struct ApprovalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals",
        abstract: "List tool calls that wait for a person, approve and reject them.",
        subcommands: [List.self, ApproveCommand.self, RejectCommand.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List tool calls that wait for a decision, oldest first.")

        @Option(help: "Only calls of this agent, by name or id.")
        var agent: String?

        @Option(help: "How many at most (default: all).")
        var limit: Int?

        @Flag(help: "Print a JSON array.")
        var json = false

        @OptionGroup var server: ServerOptions

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            let client = try server.client()
            var params: JSONObject = ["limit": .int(min(limit ?? 100, 100))]
            if let agent { params["agent_id"] = .string(try await client.agentID(agent).description) }
            let approvals = try await client.rows("approvals_list", params, limit: limit ?? .max)
            if json { return Output.json(.array(approvals)) }
            var table = Table("ID", "AGENT", "TOOL", "RUN", "EXPIRES", "INPUT")
            for approval in approvals {
                table.add(
                    approval.cell("approval_id"), approval.cell("agent_name"), approval.cell("tool"),
                    approval.cell("run_id"), approval.cell("expires_at"), approval["input"]?.text ?? "")
            }
            table.print(whenEmpty: "Nothing waits for a decision.")
        }
    }
}
