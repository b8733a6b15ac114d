import AgentOSCore
import AgentOSOutbound

/// `http_request`: calls a URL through the outbound guard.
struct HTTPRequestTool: Tool {
    /// Characters of a body that a model is shown.
    static let bodyBound = 100_000

    let client: OutboundClient

    let definition = ToolDefinition(
        name: "http_request",
        description: "Sends an HTTP request and returns the status, the headers and the body of the answer.",
        inputSchema: [
            "type": "object",
            "properties": [
                "method": [
                    "type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                    "description": "The HTTP method.",
                ],
                "url": ["type": "string", "description": "An absolute http or https URL."],
                "headers": [
                    "type": "object", "additionalProperties": ["type": "string"],
                    "description": "Further request headers.",
                ],
                "body": ["type": "string", "description": "The request body."],
            ],
            "required": ["method", "url"],
        ])

    let writes = true

    func writes(_ arguments: JSONObject) -> Bool {
        let method = arguments["method"]?.stringValue?.uppercased()
        return method != "GET" && method != "HEAD"
    }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let given = Arguments(arguments)
        let method = try given.string("method").uppercased()
        guard ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(method) else {
            throw ToolFailure("method must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.")
        }
        var headers = try given.optionalTexts("headers")
        // Lets a server recognise the call when it is repeated after a crash.
        if !headers.contains(where: { $0.name.lowercased() == "idempotency-key" }) {
            headers.append((name: "Idempotency-Key", value: context.idempotencyKey.text))
        }
        let request = OutboundRequest(
            method: method, url: try given.string("url"), headers: headers,
            body: try given.optionalString("body").map { Array($0.utf8) }, maxRedirects: method == "GET" ? 5 : 0)
        let answer = try await client.answer(to: request)
        var received = JSONObject()
        for (name, value) in answer.headers {
            received[name] = .string(received[name]?.stringValue.map { $0 + ", " + value } ?? value)
        }
        let (text, cut) = answer.text(bound: Self.bodyBound)
        var result: JSONObject = ["status": .int(answer.status), "headers": .object(received), "body": .string(text)]
        if cut { result["truncated"] = true }
        return JSONValue.object(result).text
    }
}

extension OutboundClient {
    /// `send`, with its refusals in the words a model reads.
    func answer(to request: OutboundRequest) async throws -> OutboundResponse {
        do {
            return try await send(request)
        } catch let error as OutboundError {
            throw ToolFailure(error.message)
        }
    }
}

extension OutboundResponse {
    /// The body as text, cut at so many characters.
    func text(bound: Int) -> (text: String, cut: Bool) {
        let whole = String(decoding: body, as: UTF8.self)
        guard whole.unicodeScalars.count > bound else { return (whole, truncated) }
        return (String(String.UnicodeScalarView(whole.unicodeScalars.prefix(bound))), true)
    }
}
