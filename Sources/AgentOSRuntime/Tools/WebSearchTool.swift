import AgentOSCore
import AgentOSOutbound

/// `web_search`: asks the search service that the operator has set up.
public struct WebSearchTool: Tool {
    private static let queryBound = 1000
    private static let readBound = 4 << 20

    private let client: OutboundClient
    private let settings: WebSearchSettings?

    /// - Parameter settings: nil: the tool is there and says that it is not configured.
    public init(client: OutboundClient, settings: WebSearchSettings?) {
        self.client = client
        self.settings = settings
    }

    public let definition = ToolDefinition(
        name: "web_search", description: "Searches the web and returns titles, URLs and snippets.",
        inputSchema: [
            "type": "object",
            "properties": [
                "query": ["type": "string", "description": "What to search for."],
                "max_results": [
                    "type": "integer", "minimum": 1, "maximum": 20,
                    "description": "How many results at most (default 5).",
                ],
            ],
            "required": ["query"],
        ])

    public let writes = false

    public func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        try await search(arguments)
    }

    /// - Throws: `ToolFailure`, `CancellationError`
    public func search(_ arguments: JSONObject) async throws -> String {
        guard let settings else {
            throw ToolFailure(
                "web_search is not configured: the operator must set AGENTOS_WEB_SEARCH_BACKEND to searxng, brave or "
                    + "tavily, with AGENTOS_WEB_SEARCH_URL or AGENTOS_WEB_SEARCH_API_KEY.")
        }
        let query = try Arguments(arguments).string("query")
        guard query.unicodeScalars.count <= Self.queryBound else {
            throw ToolFailure("query must be at most \(Self.queryBound) characters long.")
        }
        var count = 5
        if let given = arguments["max_results"], !given.isNull {
            guard let number = given.intValue, (1...20).contains(number) else {
                throw ToolFailure("max_results must be an integer between 1 and 20.")
            }
            count = number
        }
        let backend = WebSearchBackend(settings: settings)
        var request = backend.request(query, count: count)
        request.maxResponseBytes = Self.readBound
        let answer: OutboundResponse
        do {
            answer = try await client.sendUnguarded(request)
        } catch let error as OutboundError {
            throw ToolFailure("The search service cannot be reached. \(error.message)")
        }
        // Its own words stay out: they are about the operator's account, not about the search.
        guard (200..<300).contains(answer.status) else {
            throw ToolFailure("The search service answered with status \(answer.status).")
        }
        guard let body = try? JSONParser.parse(answer.body), let hits = backend.hits(in: body, count: count) else {
            throw ToolFailure("The search service sent something that is no list of results.")
        }
        let result: JSONObject = [
            "results": .array(
                hits.map { ["title": .string($0.title), "url": .string($0.url), "snippet": .string($0.snippet)] })
        ]
        return JSONValue.object(result).text
    }
}
