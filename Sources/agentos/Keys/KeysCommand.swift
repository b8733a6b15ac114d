import AgentOSClient
import ArgumentParser

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, list and revoke API keys.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key for one agent and print it, this once.")

        @Option(help: "The agent's name or id.")
        var agent: String

        @Option(help: "What the key is for.")
        var name: String

        @Flag(help: "Print the whole answer as JSON.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let client = try server.client()
            let id = try await client.agentID(agent)
            let made = try await client.rpc(
                "api_keys_create", ["agent_id": .string(id.description), "name": .string(name)]
            ).data
            if json { return Output.json(made) }
            Output.line(made.cell("api_key"))
            Output.note("Key \(made.cell("key_id")) of agent \(id). It is not shown again.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys, without their secrets.")

        @Option(help: "Only keys of this agent, by name or id.")
        var agent: String?

        @Flag(help: "Also keys that were revoked.")
        var all = false

        @Flag(help: "Print a JSON array.")
        var json = false

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let client = try server.client()
            var params: JSONObject = [:]
            if let agent { params["agent_id"] = .string(try await client.agentID(agent).description) }
            if all { params["include_revoked"] = true }
            let keys = try await client.rows("api_keys_list", params)
            if json { return Output.json(.array(keys)) }
            var table = Table("ID", "NAME", "PREFIX", "KIND", "AGENT", "STATE", "LAST USED")
            for key in keys {
                table.add(
                    key.cell("id"), key.cell("name"), key.cell("prefix"), key.cell("kind"), key.cell("agent_id"),
                    key["revoked"]?.boolValue == true ? "revoked" : "active", key.cell("last_used_at"))
            }
            table.print(whenEmpty: "No keys.")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key. The next request with it is refused.")

        @Argument(help: "The key's id.")
        var id: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let key: KeyID = try parseID(id, "key")
            _ = try await server.client().rpc("api_keys_revoke", ["key_id": .string(key.description)])
            Output.line("Revoked key \(key).")
        }
    }
}
