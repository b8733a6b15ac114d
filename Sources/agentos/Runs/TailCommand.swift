import AgentOSClient
import ArgumentParser

struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Follow events as they are committed, until interrupted.")

    @Option(help: "Only this run.")
    var run: String?

    @Option(help: "Only this agent, by name or id.")
    var agent: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        let runID: RunID? = try run.map { try parseID($0, "run") }
        var agentID: AgentID?
        if let agent { agentID = try await client.agentID(agent) }
        for try await frame in client.tail(run: runID, agent: agentID) {
            let event = JSONValue.object(frame)
            if json {
                Output.line(event.text)
            } else if event["run_id"] == nil {
                if event.cell("type") == "gap" {
                    Output.note("Some events were left out; read them with `runs events`.")
                }
            } else {
                Output.line(EventLine.text(event, withRun: run == nil))
            }
        }
        Output.note("The server ended the stream.")
    }
}
