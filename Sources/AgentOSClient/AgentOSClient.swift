@_exported import AgentOSCore
import AsyncHTTPClient
import NIOCore

/// A client of one AgentOS server: the control plane, invokes and live streams. Reporting runs of your own code is
/// in `AgentOSClient+Ingest.swift`.
///
/// ```swift
/// let client = try AgentOSClient(baseURL: "http://127.0.0.1:8080", apiKey: key)
/// let answer = try await client.invoke(agent: agentID, body: ["input": ["message": "Hello"]])
/// ```
///
/// A value: copy it freely. All copies share one pool of connections.
///
/// Every call throws `AgentOSError` when the server refused it and `ConnectionError` when there was no answer that
/// can be trusted. Nothing here is repeated by itself but what the ingest part documents.
public struct AgentOSClient: Sendable {
    /// Where the server is, without a trailing slash; a path prefix is kept.
    public let baseURL: String
    public let apiKey: String
    /// Slug or id; needed with a personal key of a user with several workspaces.
    public let workspace: String?

    let transport: Transport

    /// - Throws: `ConnectionError` when the URL is not http(s) or the key cannot be sent in a header.
    public init(baseURL: String, apiKey: String, workspace: String? = nil) throws {
        var trimmed = baseURL[...]
        while trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        let lower = trimmed.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://"), !trimmed.utf8.contains(where: { $0 <= 0x20 })
        else {
            throw ConnectionError(.configuration, "The base URL must begin with http:// or https://: \(baseURL)")
        }
        guard Self.hasUsablePort(trimmed) else {
            throw ConnectionError(.configuration, "The port of the base URL must be from 1 to 65535: \(baseURL)")
        }
        guard !apiKey.isEmpty, apiKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw ConnectionError(.configuration, "The API key is empty or holds characters that no key has.")
        }
        self.baseURL = String(trimmed)
        self.apiKey = apiKey
        self.workspace = workspace
        self.transport = Transport(baseURL: self.baseURL, apiKey: apiKey)
    }

    /// Whether the port can be connected to, when there is one: the HTTP client takes this for granted.
    private static func hasUsablePort(_ url: Substring) -> Bool {
        let parts = url.split(separator: "/", omittingEmptySubsequences: true)
        let authority = parts.count > 1 ? parts[1].prefix { $0 != "?" && $0 != "#" } : ""
        // The colons of an IPv6 address stand between brackets.
        let host = authority.split(separator: "]", omittingEmptySubsequences: false).last ?? ""
        guard let colon = host.lastIndex(of: ":") else { return true }
        let digits = host[host.index(after: colon)...]
        guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = Int(digits) else { return false }
        return (1...65535).contains(port)
    }

    // MARK: - Control plane

    /// Methods that may work for minutes before they answer.
    private static let longRunning: Set<String> = ["runs_invoke", "evals_run_case", "reports_generate"]

    /// Calls one control-plane method, e.g. `rpc("agents_list")`.
    /// - Returns: the result, and for a list that has more the cursor to ask with for the next page.
    /// - Throws: VALIDATION_ERROR, with nothing sent, for a parameter that is `NaN` or infinite.
    public func rpc(
        _ method: String, _ params: JSONObject = [:]
    ) async throws -> (data: JSONValue, nextCursor: String?) {
        guard !method.isEmpty, method.utf8.allSatisfy({ $0 == 0x5f || ($0 >= 0x30 && $0 <= 0x39) || isLetter($0) })
        else {
            throw AgentOSError(.notFound, "No method has this name: \(method)")
        }
        // They are written as null, by which an update would clear the field.
        for (name, value) in params.members where value.isUnsendable {
            throw AgentOSError.invalid(name, "must be a finite number")
        }
        var body = params
        if let workspace, body["workspace"] == nil { body["workspace"] = .string(workspace) }
        let answer = try await transport.call(
            "/api/v1/rpc/\(method)", body: .object(body),
            timeout: Self.longRunning.contains(method) ? Timeouts.longRunning : Timeouts.ordinary)
        return (answer.data, answer.nextCursor)
    }

    /// The server's own description of its interface (OpenAPI 3.1).
    public func openAPI() async throws -> JSONValue {
        let response = try await transport.open(
            transport.request("/openapi.json", body: nil), timeout: Timeouts.ordinary)
        do {
            return try JSONParser.parse(try await transport.bytes(of: response))
        } catch is JSONParseError {
            throw ConnectionError(
                .unexpectedAnswer, "What answered at \(baseURL) is not an AgentOS server.",
                status: Int(response.status.code))
        }
    }

    /// Passes one MCP message (JSON-RPC) on to the server. The client's workspace is meant where a call names none.
    /// - Returns: the server's message; nil when there is none, as to a notification.
    public func mcp(_ message: [UInt8]) async throws -> [UInt8]? {
        let query = workspace.map { "?workspace=\(Transport.percentEncoded($0))" } ?? ""
        let response = try await transport.open(
            transport.request("/api/mcp" + query, body: message, accept: "application/json, text/event-stream"),
            timeout: Timeouts.longRunning)
        let body = try await transport.bytes(of: response)
        return body.isEmpty ? nil : body
    }

    private func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a }

    // MARK: - Invoke

    /// Runs a hosted agent and waits for what it returns: `run_id`, `output`, `duration_ms`, or `awaiting_approval`
    /// or `awaiting_input` when the run paused. `body` has the members of the invoke call (`input`, `session_id`, …);
    /// with `background` true the answer is `run_id` and `status` at once.
    /// - Parameter idempotencyKey: a repeat of the call with the same key and body makes no second run.
    public func invoke(
        agent: AgentID, body: JSONObject, idempotencyKey: String? = nil
    ) async throws -> JSONValue {
        try await transport.call(
            "/api/v1/agents/\(agent)/invoke", body: .object(body), timeout: Timeouts.longRunning,
            headers: try Header.idempotencyKey(idempotencyKey)
        ).data
    }

    /// Runs a hosted agent and follows it while it works. The call is made when the iteration begins.
    ///
    /// Frames are objects with a `type`: `start`, `chunk`, `tool`, `reset`, then one of `done`, `awaiting_approval`
    /// and `awaiting_input`. An `error` frame is thrown as `AgentOSError`. When the connection breaks after the run has
    /// begun, reading goes on behind the last frame that came; if that cannot be done, `ConnectionError` is thrown. The
    /// run itself goes on when the iteration is given up.
    /// - Parameter idempotencyKey: as for `invoke`.
    public func invokeStream(
        agent: AgentID, body: JSONObject, idempotencyKey: String? = nil
    ) -> FrameStream {
        var body = body
        body["stream"] = true
        return FrameStream(
            transport: transport, source: .invoke(agent, .object(body), idempotencyKey: idempotencyKey),
            workspace: workspace)
    }

    // MARK: - Tail

    /// Follows events as they are committed, of one run, of one agent, or of the whole workspace. Each frame is an
    /// event with its `run_id`, `sequence_number` and `agent_id`. A frame that is nothing but `{"type":"gap"}` says
    /// that events were left out because the reader was too slow: read them with `runs_get_events`.
    ///
    /// Ends when the server ends the stream, without an error; throws UNAUTHENTICATED or FORBIDDEN when the key loses
    /// the right to watch meanwhile.
    public func tail(run: RunID? = nil, agent: AgentID? = nil) -> FrameStream {
        var query: [String] = []
        if let run { query.append("run_id=\(run)") }
        if let agent { query.append("agent_id=\(agent)") }
        return FrameStream(transport: transport, source: .tail(query), workspace: workspace)
    }
}

extension JSONValue {
    /// A number for which JSON has no word.
    fileprivate var isUnsendable: Bool {
        if case .number = self { doubleValue == nil } else { false }
    }
}
