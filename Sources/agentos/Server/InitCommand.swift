import AgentOSCore
import AgentOSServer
import ArgumentParser

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Create the data folder, a workspace, its owner, two agents and their keys.",
        discussion: "Changes nothing where there is a store already, and exits with 1 (with --if-missing: 0).")

    @Option(help: "The data folder (default: ./agentos-data).")
    var data: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(name: .customLong("if-missing"), help: "Succeed when there is a store already.")
    var ifMissing = false

    func run() async throws {
        let folder = data ?? Environment["AGENTOS_DATA"] ?? "./agentos-data"
        guard let made = try await ServerCommand.initialise(data: data) else {
            let message = "There is a store in \(folder) already; nothing was changed."
            guard ifMissing else { throw CommandFailure(message) }
            return Output.note(message)
        }
        if json { return Output.json(.object(made)) }
        Output.line("Created \(folder). What follows is shown once.\n")
        var card = Card()
        for (name, value) in made.members {
            card.add(name.split(separator: "_").joined(separator: " "), value.plain)
        }
        card.print()
        Output.line(
            """

            Next:
              agentos serve\(data.map { " --data \($0)" } ?? "")
              agentos invoke \(made["hosted_agent_id"]?.plain ?? "AGENT") "Hello" --key \
            \(made["workspace_key"]?.plain ?? "KEY")
            """)
    }
}
