import AgentOSClient
import ArgumentParser

struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents",
        abstract: "List, show, apply, pause and delete agents.",
        subcommands: [List.self, Show.self, ApplyCommand.self, SetStatus.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List agents, newest first.")

        @Option(help: "active, paused or archived.")
        var status: String?

        @Flag(help: "Print a JSON array.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let params: JSONObject = status.map { ["status": .string($0)] } ?? [:]
            let agents = try await server.client().rows("agents_list", params)
            if json { return Output.json(.array(agents)) }
            var table = Table("ID", "NAME", "STATUS", "RUNTIME", "MODEL", "UPDATED", "TOOLS")
            for agent in agents {
                table.add(
                    agent.cell("id"), agent.cell("name"), agent.cell("status"), agent.cell("runtime_type"),
                    agent.cell("model"), agent.cell("updated_at"), agent.cell("tools"))
            }
            table.print(whenEmpty: "No agents.")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one agent with everything it is made of.")

        @Argument(help: "The agent's name or id.")
        var agent: String

        @Flag(help: "Print a JSON object.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let client = try server.client()
            let id = try await client.agentID(agent)
            let found = try await client.rpc("agents_get", ["agent_id": .string(id.description)]).data
            if json { return Output.json(found) }
            var card = Card()
            for (name, value) in found.objectValue?.members ?? [] {
                let isEmpty = value.arrayValue?.isEmpty ?? value.objectValue?.isEmpty ?? false
                guard !isEmpty else { continue }
                card.add(name, value.objectValue == nil ? value.plain : value.prettyText)
            }
            card.print()
        }
    }

    struct SetStatus: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-status", abstract: "Activate, pause or archive an agent.")

        @Argument(help: "The agent's name or id.")
        var agent: String

        @Argument(help: "active, paused or archived.")
        var status: String

        @Flag(help: "Print a JSON object.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let client = try server.client()
            let id = try await client.agentID(agent)
            let answer = try await client.rpc(
                "agents_set_status", ["agent_id": .string(id.description), "status": .string(status)]
            ).data
            if json { return Output.json(answer) }
            Output.line("Agent \(id) is \(answer.cell("status")).")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an agent for good, with its keys, runs and conversations.")

        @Argument(help: "The agent's name or id.")
        var agent: String

        @Flag(help: "Needed: there is no way back.")
        var yes = false

        @OptionGroup var server: ServerOptions

        func validate() throws {
            if !yes { throw ValidationError("This deletes the agent with its keys and runs; say --yes to do it.") }
        }

        func run() async throws {
            let client = try server.client()
            let id = try await client.agentID(agent)
            _ = try await client.rpc("agents_delete", ["agent_id": .string(id.description)])
            Output.line("Deleted agent \(id).")
        }
    }
}
