import AgentOSClient
import AgentOSCore
import ArgumentParser
import Foundation

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
        do {
            guard let answer = try await client.mcp(message) else { return }
            write(answer)
        } catch {
            let id = (try? JSONParser.parse(message))?["id"] ?? .null
            let text = CommandFailure(error)?.message ?? "The server cannot be reached."
            let failure: JSONValue = [
                "jsonrpc": "2.0", "id": id, "error": ["code": -32603, "message": .string(text)],
            ]
            write(failure.encoded)
        }
    }

    /// One line at a time: a single write of whole lines is not torn apart.
    private static func write(_ message: [UInt8]) {
        FileHandle.standardOutput.write(Data(message + [0x0a]))
    }
}
