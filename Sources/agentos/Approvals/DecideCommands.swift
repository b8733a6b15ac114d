import AgentOSClient
import ArgumentParser

struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Approve a tool call; its run goes on.")

    @Argument(help: "The approval's id.")
    var id: String

    @Option(help: "A remark for the run's record.")
    var note: String?

    @Option(help: "A JSON object to call the tool with, in place of what the model gave; - reads the standard input.")
    var arguments: String?

    @Flag(help: "Wait until the run is over or waits again, and print its output.")
    var wait = false

    @Flag(help: "Print the answer as JSON; with --wait the last frame of the run.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let id: ApprovalID = try parseID(self.id, "approval")
        var params: JSONObject = ["approval_id": .string("\(id)"), "decision": "approved"]
        if let note { params["decision_note"] = .string(note) }
        if let arguments { params["arguments"] = .object(try Input.object(arguments, named: "--arguments")) }
        let client = try server.client()
        let answer = try await client.rpc("approvals_decide", params).data
        guard wait else {
            if json { return Output.json(answer) }
            Output.line("Approved \(id); run \(answer.cell("run_id")) goes on.")
            return
        }
        let result = try await client.settled(try parseID(answer.cell("run_id"), "run"), besides: id)
        if json { return Output.json(result.answer) }
        await RunTeller(client: client).tell(result)
    }
}

struct RejectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject",
        abstract: "Reject a tool call.",
        discussion: "The run fails, unless the server is set up to tell the model instead.")

    @Argument(help: "The approval's id.")
    var id: String

    @Option(help: "A remark for the run's record.")
    var note: String?

    @Flag(help: "Print the answer as JSON.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let id: ApprovalID = try parseID(self.id, "approval")
        var params: JSONObject = ["approval_id": .string("\(id)"), "decision": "rejected"]
        if let note { params["decision_note"] = .string(note) }
        let answer = try await server.client().rpc("approvals_decide", params).data
        if json { return Output.json(answer) }
        Output.line("Rejected \(id) of run \(answer.cell("run_id")).")
    }
}
