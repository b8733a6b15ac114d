import AgentOSCore

/// An action of a connected toolkit. Nothing says which actions only read, so each counts as one that changes something.
struct ComposioTool: Tool {
    /// Characters of a result that a model is shown.
    private static let textBound = 100_000

    let definition: ToolDefinition
    private let slug: String
    private let client: ComposioClient

    init(_ action: ComposioClient.Action, client: ComposioClient) {
        slug = action.slug
        self.client = client
        definition = ToolDefinition(
            name: Self.name(of: action.slug), description: action.description, inputSchema: action.inputSchema)
    }

    /// What stands in an agent's `tools`.
    static func name(of slug: String) -> String { "composio_" + slug.lowercased() }

    var writes: Bool { true }

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome { .report }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let text = try await client.execute(slug, arguments).text
        guard text.unicodeScalars.count > Self.textBound else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.textBound))) + "\n[truncated]"
    }
}
