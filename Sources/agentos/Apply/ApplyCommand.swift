import AgentOSClient
import ArgumentParser

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make an agent, and the tools and files it works with, what a YAML file says.",
        discussion: """
            The file holds one mapping with the members of agents_create \
            (\(AgentManifest.agentKeys.joined(separator: ", "))) and \
            \(AgentManifest.otherKeys.joined(separator: ", ")). The agent of that name is created or updated; members \
            that are left out stay as they are. Tools, MCP servers and resources that differ from the file are \
            replaced; others are kept, and none is deleted. Secrets cannot be compared: see --replace-secrets.
            """)

    @Option(name: .shortAndLong, help: "The file; - reads the standard input.")
    var file: String

    @Flag(name: .customLong("dry-run"), help: "Say what would be done, member by member, and do nothing.")
    var dryRun = false

    @Flag(
        name: .customLong("replace-secrets"),
        help: "Also replace tools and MCP servers that have secrets or headers and look the same.")
    var replaceSecrets = false

    @Flag(help: "Print the agent as JSON, with what was done in \"changes\".")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let isInput = file == "-"
        let manifest = try AgentManifest(
            yaml: isInput ? try Input.text(file) : try Input.file(file), file: isInput ? nil : file)
        let client = try server.client()
        let plan = ApplyPlan(manifest: manifest, client: client, replaceSecrets: replaceSecrets)
        let (steps, known) = try await plan.steps()
        var id = known
        for step in steps {
            if !dryRun { id = try await perform(step, id) }
            say(step.line(isDone: !dryRun))
            if dryRun { for change in step.changes { say(change.line) } }
        }
        for name in manifest.unusedTools { Output.note("The tool \(name) is not among the agent's tools.") }
        let isUnchanged = steps.allSatisfy { $0.action == .unchanged }
        let agent = "Agent \(manifest.name)" + (id.map { " (\($0))" } ?? "")
        if isUnchanged {
            say("\(agent) is as the file says; unchanged.")
        } else {
            say(dryRun ? "Nothing was done." : "\(agent) is as the file says.")
        }
        if json { try await show(steps, id, client) }
    }

    private func perform(_ step: ApplyStep, _ id: String?) async throws -> String? {
        guard let work = step.work else { return id }
        do {
            return try await work(id)
        } catch {
            guard let failure = CommandFailure(error) else { throw error }
            throw CommandFailure("\(step.kind) \(step.name): \(failure.message)", failure.status)
        }
    }

    private func show(_ steps: [ApplyStep], _ id: String?, _ client: AgentOSClient) async throws {
        var out = JSONObject()
        if let id {
            out = try await client.rpc("agents_get", ["agent_id": .string(id)]).data.objectValue ?? out
        }
        out["changes"] = .array(steps.map(\.json))
        Output.json(.object(out))
    }

    private func say(_ text: String) { json ? Output.note(text) : Output.line(text) }
}
