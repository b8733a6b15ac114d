import AgentOSClient
import AgentOSCore
import ArgumentParser
import Synchronization

struct MCPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp",
        abstract: "Serve a server's control plane to an assistant over standard input and output (MCP).",
        discussion: "Each line is one JSON-RPC message. Messages go to the server's /api/mcp with the key given here.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let client = try server.client()
        // Messages are answered side by side, as their ids allow, but only so many at a time.
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            while let line = readLine(strippingNewline: true) {
                if line.allSatisfy(\.isWhitespace) { continue }
                if running >= 16 {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await Self.pass(Array(line.utf8), to: client) }
            }
        }
    }

    private static func pass(_ message: [UInt8], to client: AgentOSClient) async {
        guard let value = try? JSONParser.parse(message) else {
            return fail(.null, -32700, "The message is not JSON.")
        }
        guard value.objectValue != nil else {
            return fail(.null, -32600, "The message must be one JSON-RPC 2.0 object.")
        }
        do {
            guard let answer = try await client.mcp(message) else { return }
            write(answer)
        } catch {
            // Nobody waits for an answer to a notification.
            guard let id = value["id"] else { return }
            fail(id, -32603, CommandFailure(error)?.message ?? "The server cannot be reached.")
        }
    }

    private static func fail(_ id: JSONValue, _ code: Int, _ text: String) {
        let failure: JSONValue = [
            "jsonrpc": "2.0", "id": id, "error": ["code": .int(code), "message": .string(text)],
        ]
        write(failure.encoded)
    }

    private static let turn = Mutex(())

    /// One line at a time: a long one takes several writes.
    private static func write(_ message: [UInt8]) { turn.withLock { _ in Output.bytes(message + [0x0a]) } }
}
