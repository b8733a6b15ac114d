import AgentOSCore
import AgentOSMCP
import AgentOSStore

/// One tool of an MCP server.
struct MCPServerTool: Tool {
    /// Characters of a result that a model is shown.
    private static let textBound = 100_000

    let server: String
    let record: MCPToolRecord
    /// Nil: the server's secret cannot be read any more.
    let client: MCPClient?
    private let echoes: SecretEchoes

    /// - Parameter secret: sent to the server; it must not come back to the model.
    init(server: String, record: MCPToolRecord, client: MCPClient?, secret: String?) {
        self.server = server
        self.record = record
        self.client = client
        echoes = SecretEchoes([secret].compactMap { $0 })
        definition = ToolDefinition(
            name: record.agentName, description: record.description, inputSchema: record.inputSchema)
    }

    let definition: ToolDefinition

    var writes: Bool { !record.isReadOnly }

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome {
        record.isReadOnly || record.isIdempotent ? .retry : .report
    }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        guard let client else {
            throw ToolFailure("The MCP server \(server) cannot be called: its stored secret cannot be read.")
        }
        do {
            let result = try await client.call(
                record.name, arguments: arguments, idempotencyKey: context.idempotencyKey.text)
            let text = Self.cut(echoes.removed(from: result.text))
            if result.isError { throw ToolFailure(text.isEmpty ? "The tool failed without a word." : text) }
            return text
        } catch let error as MCPError {
            let doubt = writes && !error.wasRefused ? " The call may have been carried out all the same." : ""
            throw ToolFailure(
                "The MCP server \(server) brought no result: \(echoes.removed(from: error.message))\(doubt)")
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.unicodeScalars.count > textBound else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(textBound))) + "\n[truncated]"
    }
}
