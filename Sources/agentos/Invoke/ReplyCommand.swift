import AgentOSClient
import ArgumentParser

struct ReplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reply",
        abstract: "Answer the question a run waits with, and print what the run then answers.",
        discussion: "Waits until the run is over or waits again. Needs a workspace key.")

    @Argument(help: "The run's id.")
    var run: String

    @Argument(help: "The answer; - reads the standard input.")
    var text: String

    @Option(help: "The question's id (default: the one that is open).")
    var request: String?

    @Flag(help: "Print the answer of the server as JSON.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let id: RunID = try parseID(run, "run")
        let request: HumanRequestID? = try self.request.map { try parseID($0, "question") }
        let client = try server.client()
        let result = try await client.reply(run: id, text: try Input.text(text), request: request)
        if json { return Output.json(result.answer) }
        // A reported run goes on where its code is; there is no output to wait for.
        if case .completed(.null) = result.state { Output.note("Answered run \(id).") }
        await RunTeller(client: client).tell(result)
    }
}
