import AgentOSClient
import ArgumentParser
import Foundation

struct AgentsApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make an agent what a YAML file says: create it, or update the one of that name.",
        discussion: """
            The file holds one mapping with the member names of agents_create: \
            \(AgentManifest.knownKeys.joined(separator: ", ")). Members that are left out stay as they are.
            """)

    @Option(name: .shortAndLong, help: "The file; - reads the standard input.")
    var file: String

    @Flag(help: "Print the agent as JSON.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let manifest = try AgentManifest(yaml: try text(), file: file == "-" ? "standard input" : file)
        let client = try server.client()
        let id: String
        if let known = try await client.agent(named: manifest.name) {
            id = known.description
            try await update(id, to: manifest, client)
        } else {
            id = try await client.rpc("agents_create", manifest.createParameters).data.cell("agent_id")
            say("Created agent \(manifest.name) (\(id)).")
        }
        if json { Output.json(try await client.rpc("agents_get", ["agent_id": .string(id)]).data) }
    }

    private func update(_ id: String, to manifest: AgentManifest, _ client: AgentOSClient) async throws {
        let agent = try await client.rpc("agents_get", ["agent_id": .string(id)]).data
        var changes = try manifest.changes(from: agent)
        guard !changes.isEmpty else { return say("Agent \(manifest.name) (\(id)) is as the file says; unchanged.") }
        let names = changes.keys.joined(separator: ", ")
        changes["agent_id"] = .string(id)
        _ = try await client.rpc("agents_update", changes)
        say("Updated agent \(manifest.name) (\(id)): \(names).")
    }

    private func say(_ text: String) { json ? Output.note(text) : Output.line(text) }

    private func text() throws -> String {
        if file == "-" { return try Input.text(file) }
        guard let content = FileManager.default.contents(atPath: file) else {
            throw CommandFailure("Cannot read \(file).")
        }
        return String(decoding: content, as: UTF8.self)
    }
}
