import AgentOSClient
import ArgumentParser

struct RPCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rpc",
        abstract: "Call any control-plane method and print its result as JSON.")

    @Argument(help: "The method, e.g. agents_list.")
    var method: String

    @Argument(help: "The parameters as a JSON object; - reads the standard input.")
    var parameters: String = "{}"

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let object = try Input.object(parameters, named: "parameters")
        let answer = try await server.client().rpc(method, object)
        Output.json(answer.data)
        if let cursor = answer.nextCursor { Output.note("There is more: pass \"cursor\": \"\(cursor)\".") }
    }
}
