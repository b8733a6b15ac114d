import AgentOSClient
import ArgumentParser

struct RunReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Run a hosted run anew, from its beginning or from a step on, and print the new run's id.",
        discussion: """
            What came before the step is taken over from the record; from there on model and tools are really called. \
            The first run stays as it is.
            """)

    @Argument(help: "The run's id.")
    var run: String

    @Option(name: .customLong("from-step"), help: "The first step made anew; model and tool calls count from 1.")
    var fromStep: Int?

    @Option(help: "Another model.")
    var model: String?

    @Option(help: "Another provider: anthropic, openai or demo.")
    var provider: String?

    @Option(name: .customLong("system-prompt"), help: "Other instructions; @FILE reads them from a file.")
    var systemPrompt: String?

    @Option(help: "Another input as a JSON object; - reads the standard input.")
    var input: String?

    @Option(help: "Another temperature.")
    var temperature: Double?

    @Option(name: .customLong("max-tokens"), help: "Another limit of one reply.")
    var maxTokens: Int?

    @Option(help: "Other tools, between commas; empty for none.")
    var tools: String?

    @Flag(help: "Wait until the new run is over or waits, and print its output.")
    var wait = false

    @Flag(help: "Print the answer as JSON; with --wait the last frame of the new run.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let fromStep, fromStep < 1 { throw ValidationError("--from-step must be at least 1.") }
    }

    func run() async throws {
        let id: RunID = try parseID(run, "run")
        var params: JSONObject = ["run_id": .string("\(id)")]
        if let fromStep { params["from_step"] = .int(fromStep) }
        let changed = try overrides()
        if !changed.isEmpty { params["overrides"] = .object(changed) }
        let client = try server.client()
        let answer = try await client.rpc("runs_replay", params).data
        let made: RunID = try parseID(answer.cell("run_id"), "run")
        guard wait else {
            if json { return Output.json(answer) }
            return RunTeller.tellBackground(made)
        }
        if !json { Output.note("Run: \(made)") }
        let result = try await client.settled(made)
        if json { return Output.json(result.answer) }
        await RunTeller(client: client).tell(result)
    }

    private func overrides() throws -> JSONObject {
        var out = JSONObject()
        if let model { out["model"] = .string(model) }
        if let provider { out["provider_type"] = .string(provider) }
        if let systemPrompt { out["system_prompt"] = .string(try Input.textOrFile(systemPrompt)) }
        if let input { out["input"] = .object(try Input.object(input, named: "--input")) }
        if let temperature { out["temperature"] = .double(temperature) }
        if let maxTokens { out["max_tokens"] = .int(maxTokens) }
        if let tools {
            let names = tools.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
            out["tools"] = .array(names.filter { !$0.isEmpty }.map { .string($0) })
        }
        return out
    }
}
