import AgentOSCore
import AgentOSMCP
import AgentOSStore

/// One tool of an MCP server.
struct MCPServerTool: Tool {
    /// Characters of a result that a model is shown.
    private static let textBound = 100_000

    let server: String
    let record: MCPToolRecord
    let client: MCPClient

    init(server: String, record: MCPToolRecord, client: MCPClient) {
        self.server = server
        self.record = record
        self.client = client
        definition = ToolDefinition(
            name: record.agentName, description: record.description, inputSchema: record.inputSchema)
    }

    let definition: ToolDefinition

    var writes: Bool { !record.isReadOnly }

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome {
        record.isReadOnly || record.isIdempotent ? .retry : .report
    }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        do {
            let result = try await client.call(
                record.name, arguments: arguments, idempotencyKey: context.idempotencyKey.text)
            let text = Self.cut(result.text)
            if result.isError { throw ToolFailure(text.isEmpty ? "The tool failed without a word." : text) }
            return text
        } catch let error as MCPError {
            throw ToolFailure("The MCP server \(server) did not do it: \(error.message)")
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.unicodeScalars.count > textBound else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(textBound))) + "\n[truncated]"
    }
}
