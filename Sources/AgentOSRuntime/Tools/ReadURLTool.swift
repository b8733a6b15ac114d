import AgentOSCore
import AgentOSOutbound

/// `read_url`: fetches a page and gives its readable text.
struct ReadURLTool: Tool {
    static let textBound = 100_000

    let client: OutboundClient

    let definition = ToolDefinition(
        name: "read_url", description: "Fetches a web page or a text document and returns its readable text.",
        inputSchema: [
            "type": "object",
            "properties": ["url": ["type": "string", "description": "An absolute http or https URL."]],
            "required": ["url"],
        ])

    let writes = false

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let request = OutboundRequest(
            url: try Arguments(arguments).string("url"),
            headers: [("accept", "text/html, text/plain;q=0.9, application/json;q=0.9, */*;q=0.5")], maxRedirects: 5)
        let answer = try await client.answer(to: request)
        let type = answer.header("content-type") ?? ""
        let isHTML = type.isEmpty ? answer.body.starts(with: Array("<".utf8)) : type.lowercased().contains("html")
        var (text, cut) = answer.text(bound: 4_000_000)
        if isHTML { text = ReadableText.of(html: answer.body, contentType: type) }
        if text.unicodeScalars.count > Self.textBound {
            text = String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.textBound)))
            cut = true
        }
        var result: JSONObject = [
            "url": .string(answer.finalURL), "status": .int(answer.status), "content_type": .string(type),
            "text": .string(text),
        ]
        if cut { result["truncated"] = true }
        return JSONValue.object(result).text
    }
}
