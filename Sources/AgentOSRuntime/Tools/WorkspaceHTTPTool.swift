import AgentOSCore
import AgentOSOutbound
import AgentOSStore

/// An HTTP tool that a workspace brought along: its URL, its secret, the model's arguments.
///
/// GET and DELETE carry the arguments as query, the others as JSON body. Neither the secret nor an echo of it is shown
/// to the model.
public struct WorkspaceHTTPTool: Tool {
    /// Bytes of an answer that are read, and characters of it that a model is shown.
    static let readBound = 1 << 20
    static let shownBound = 100_000
    static let shownOfErrors = 4000

    private let tool: WorkspaceTool
    private let template: URLTemplate
    private let store: WorkspaceToolStore
    private let client: OutboundClient

    /// Nil when the stored URL cannot be read.
    public init?(_ tool: WorkspaceTool, store: WorkspaceToolStore, client: OutboundClient) {
        guard let template = try? URLTemplate(tool.url) else { return nil }
        self.tool = tool
        self.template = template
        self.store = store
        self.client = client
    }

    // MARK: - As the model and the runtime see it

    public var definition: ToolDefinition {
        ToolDefinition(
            name: tool.name,
            description: tool.description ?? "Calls the workspace's HTTP tool \(tool.name) (\(tool.method)).",
            inputSchema: schema)
    }

    /// An object in any case, with `properties`: some providers refuse a tool without them.
    private var schema: JSONValue {
        var schema = tool.inputSchema?.objectValue ?? JSONObject()
        if tool.inputSchema == nil {
            let names = template.names
            schema["properties"] = .object(
                JSONObject(names.map { ($0, ["description": "Goes into the URL."]) }))
            if !names.isEmpty { schema["required"] = .array(names.map(JSONValue.string)) }
            schema["additionalProperties"] = true
        }
        schema["type"] = "object"
        if schema["properties"] == nil { schema["properties"] = [:] }
        return .object(schema)
    }

    public var writes: Bool { tool.method != "GET" }

    public var requiresApproval: Bool { tool.requiresApproval }

    public func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome {
        tool.isIdempotent || !writes ? .retry : UnknownOutcome(rawValue: tool.unknownOutcome) ?? .report
    }

    public func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        try await perform(arguments, idempotencyKey: context.idempotencyKey)
    }

    // MARK: - The call

    /// Calls the endpoint; the body of its answer is what the model reads.
    /// - Throws: `ToolFailure`, `CancellationError`
    public func perform(_ arguments: JSONObject, idempotencyKey: UUIDBits) async throws -> String {
        guard let credentials = try? store.credentials(of: tool) else {
            throw ToolFailure("The stored secret of \(tool.name) cannot be read; the tool must be created anew.")
        }
        let request = try request(arguments, credentials, idempotencyKey)
        let echoes = SecretEchoes(credentials.secrets)
        let answer: OutboundResponse
        do {
            answer = try await client.send(request)
        } catch let error as OutboundError {
            throw ToolFailure(echoes.removed(from: error.message) + doubt(after: error.kind))
        }
        return try result(of: answer, echoes)
    }

    private func request(
        _ arguments: JSONObject, _ credentials: WorkspaceToolCredentials, _ key: UUIDBits
    ) throws(ToolFailure) -> OutboundRequest {
        var arguments = arguments
        var request = OutboundRequest(
            method: tool.method, url: try template.fill(&arguments), headers: credentials.headers,
            timeoutSeconds: Double(tool.timeoutSeconds), maxResponseBytes: Self.readBound)
        // A redirect to elsewhere would take the workspace's own headers along.
        request.maxRedirects = tool.method == "GET" && credentials.headers.isEmpty ? 5 : 0
        if let secret = credentials.secret { request.headers.append(("Authorization", "Bearer " + secret)) }
        request.headers.append(("Idempotency-Key", key.text))
        if tool.method == "GET" || tool.method == "DELETE" {
            request.url = Self.appending(arguments, to: request.url)
        } else {
            request.body = JSONValue.object(arguments).encoded
            if !credentials.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
                request.headers.append(("Content-Type", "application/json"))
            }
        }
        return request
    }

    /// Strings as they are, everything else as JSON; `null` means left out.
    private static func appending(_ arguments: JSONObject, to url: String) -> String {
        var url = url
        var separator = !url.utf8.contains(UInt8(ascii: "?")) ? "?" : url.last == "?" || url.last == "&" ? "" : "&"
        for (name, value) in arguments.members where !value.isNull {
            let text = value.stringValue ?? value.text
            url += separator + PercentEncoding.strict(name) + "=" + PercentEncoding.strict(text)
            separator = "&"
        }
        return url
    }

    /// What a model should know before it calls again.
    private func doubt(after kind: OutboundError.Kind) -> String {
        switch kind {
        case .timeout, .connection: writes ? " The call may have been carried out all the same." : ""
        default: ""
        }
    }

    // MARK: - The answer

    private func result(of answer: OutboundResponse, _ echoes: SecretEchoes) throws(ToolFailure) -> String {
        if (200..<300).contains(answer.status) {
            let text = shown(answer, echoes, bound: Self.shownBound)
            return text.isEmpty ? "(status \(answer.status), no content)" : text
        }
        let text = shown(answer, echoes, bound: Self.shownOfErrors)
        let problem =
            (300..<400).contains(answer.status)
            ? "\(tool.name) answered with status \(answer.status), a redirect that is not followed."
            : "\(tool.name) answered with status \(answer.status)."
        throw ToolFailure(text.isEmpty ? problem : "\(problem)\n\(text)")
    }

    private func shown(_ answer: OutboundResponse, _ echoes: SecretEchoes, bound: Int) -> String {
        guard !answer.body.prefix(1024).contains(0) else {
            let type = answer.header("content-type") ?? "of unknown type"
            return "(\(answer.body.count) bytes that are no text, \(echoes.removed(from: type)))"
        }
        // Echoes go before the text is cut, so that no part of one stays at its end.
        let text = echoes.removed(from: String(decoding: answer.body, as: UTF8.self), cut: answer.truncated)
        let scalars = text.unicodeScalars
        let end = scalars.index(scalars.startIndex, offsetBy: bound, limitedBy: scalars.endIndex) ?? scalars.endIndex
        guard end < scalars.endIndex || answer.truncated else { return text }
        return String(scalars[..<end]) + "\n[truncated: the answer is longer]"
    }
}
