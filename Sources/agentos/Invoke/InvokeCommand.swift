import AgentOSClient
import ArgumentParser

struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Run a hosted agent and print what it answers.",
        discussion: """
            The answer goes to the standard output; tools, pauses and the session's id go to the standard error. \
            TEXT is short for --input '{"message": TEXT}'.
            """)

    @Argument(help: "The agent's name or id.")
    var agent: String

    @Argument(help: "What to say to the agent; - reads the standard input.")
    var text: String?

    @Option(help: "The input as a JSON object; - reads the standard input.")
    var input: String?

    @Flag(help: "Print the text as it comes.")
    var stream = false

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
    }

    func run() async throws {
        var body: JSONObject = ["input": .object(try inputObject())]
        if let session { body["session_id"] = .string(session) }
        if startSession { body["start_session"] = true }
        if test { body["test"] = true }
        let client = try server.client()
        let id = try await client.agentID(agent)
        if stream {
            try await follow(client.invokeStream(agent: id, body: body))
        } else {
            show(try await client.invoke(agent: id, body: body))
        }
    }

    private func inputObject() throws -> JSONObject {
        if let input { return try Input.object(input, named: "--input") }
        if let text { return ["message": .string(try Input.text(text))] }
        return [:]
    }

    private func show(_ answer: JSONValue) {
        if json { return Output.json(answer) }
        if let output = answer["output"], !output.isNull {
            if let text = output["text"]?.stringValue, output.objectValue?.count == 1 {
                Output.line(shown(text))
            } else {
                Output.json(output)
            }
        }
        tellPause(answer["awaiting_approval"], answer["awaiting_input"], run: answer.cell("run_id"))
        tellSession(answer)
    }

    private func follow(_ frames: FrameStream) async throws {
        var midLine = false
        do {
            for try await frame in frames {
                let value = JSONValue.object(frame)
                if json {
                    Output.line(value.text)
                    continue
                }
                switch value.cell("type") {
                case "chunk":
                    let text = value.cell("text")
                    Output.text(shown(text))
                    midLine = text.isEmpty ? midLine : !text.hasSuffix("\n")
                case "tool":
                    if midLine { Output.text("\n") }
                    midLine = false
                    Output.note("[\(value.cell("name")) \(value.cell("status"))]")
                case "done", "awaiting_approval", "awaiting_input":
                    if midLine { Output.text("\n") }
                    midLine = false
                    let type = value.cell("type")
                    tellPause(
                        type == "awaiting_approval" ? value : nil, type == "awaiting_input" ? value : nil,
                        run: value.cell("run_id"))
                    tellSession(value)
                default: break
                }
            }
        } catch {
            if midLine { Output.text("\n") }
            throw error
        }
    }

    private func shown(_ text: String) -> String { Output.isTerminal ? Output.printable(text, lines: true) : text }

    private func tellPause(_ approval: JSONValue?, _ question: JSONValue?, run: String) {
        if let approval, !approval.isNull {
            Output.note("Run \(run) waits for approval \(approval.cell("approval_id")).")
        } else if let question, !question.isNull {
            let options = question.cell("options")
            Output.note(
                Output.printable("Run \(run) asks: \(question.cell("question"))")
                    + (options.isEmpty ? "" : Output.printable(" (\(options))")))
        }
    }

    private func tellSession(_ answer: JSONValue) {
        if let session = answer["session_id"]?.stringValue { Output.note("Session: \(session)") }
    }
}
