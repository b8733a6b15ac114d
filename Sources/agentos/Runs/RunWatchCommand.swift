import AgentOSClient
import ArgumentParser

struct RunWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow a hosted run from its beginning until it is over.",
        discussion: """
            What the run waits for is told with the command that answers it, and watching goes on. A connection that \
            breaks, also by a restart of the server, is made again where it broke off. Exits with 1 when the run failed \
            or was cancelled.
            """)

    @Argument(help: "The run's id.")
    var run: String

    @Option(help: "Only what comes after the frame with this id (--json shows them).")
    var after: String?

    @Flag(name: .customLong("until-pause"), help: "End when the run waits for somebody.")
    var untilPause = false

    @Flag(help: "Print one frame a line as JSON, with its id.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let id: RunID = try parseID(run, "run")
        let client = try server.client()
        var printer = FramePrinter(teller: RunTeller(client: client), json: json)
        try await printer.print(client.stream(run: id, after: after, throughPauses: !untilPause))
    }
}
