import AgentOSClient
import ArgumentParser

struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Run a hosted agent and print what it answers.",
        discussion: """
            The answer goes to the standard output; tools, pauses and the session's id go to the standard error. \
            TEXT is short for --input '{"message": TEXT}'. A run that waits for an approval or an answer is no failure: \
            what it waits for is told, with the command that answers it.
            """)

    @Argument(help: "The agent's name or id.")
    var agent: String

    @Argument(help: "What to say to the agent; - reads the standard input.")
    var text: String?

    @Option(help: "The input as a JSON object; - reads the standard input.")
    var input: String?

    @Flag(help: "Print the text as it comes.")
    var stream = false

    @Flag(help: "Do not wait: print the run's id.")
    var background = false

    @Option(name: .customLong("idempotency-key"), help: "A repeat with the same key and input makes no second run.")
    var idempotencyKey: String?

    @Option(help: "Continue this conversation.")
    var session: String?

    @Flag(name: .customLong("start-session"), help: "Begin a conversation; its id is told at the end.")
    var startSession = false

    @Flag(help: "Tools that change something are not really called, and the run counts in no figures.")
    var test = false

    @Flag(help: "Print the answer as JSON; with --stream one frame a line.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if text != nil, input != nil { throw ValidationError("Give either TEXT or --input.") }
        if session != nil, startSession { throw ValidationError("Give either --session or --start-session.") }
        if stream, background { throw ValidationError("Give either --stream or --background.") }
        if let idempotencyKey {
            guard (1...255).contains(idempotencyKey.utf8.count),
                idempotencyKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else {
                throw ValidationError("--idempotency-key must be 1 to 255 printable ASCII characters without blanks.")
            }
        }
    }

    func run() async throws {
        var body: JSONObject = ["input": .object(try inputObject())]
        if let session { body["session_id"] = .string(session) }
        if startSession { body["start_session"] = true }
        if test { body["test"] = true }
        let client = try server.client()
        let id = try await client.agentID(agent)
        let teller = RunTeller(client: client)
        if stream {
            var printer = FramePrinter(teller: teller, json: json)
            return try await printer.print(client.invokeStream(agent: id, body: body, idempotencyKey: idempotencyKey))
        }
        let result = try await client.start(
            agent: id, body: body, options: .init(background: background, idempotencyKey: idempotencyKey))
        if json { return Output.json(result.answer) }
        if background { return RunTeller.tellBackground(result) }
        await teller.tell(result)
    }

    private func inputObject() throws -> JSONObject {
        if let input { return try Input.object(input, named: "--input") }
        if let text { return ["message": .string(try Input.text(text))] }
        return [:]
    }
}
