import AgentOSCore
import AgentOSOutbound
import Synchronization

/// A client of one MCP server over Streamable HTTP (specification 2025-06-18 and its neighbours).
///
/// Every request goes through the outbound guard. A session that the server gives is kept for further calls and begun
/// anew when the server has forgotten it.
public final class MCPClient: Sendable {
    public static let protocolVersion = "2025-06-18"
    /// Tools of one server, and pages they may come in.
    public static let toolBound = 500
    private static let pageBound = 50
    private static let responseBound = 4 << 20

    private struct Session: Sendable {
        /// Nil when the server keeps none.
        var id: String?
        var version: String
    }

    private struct State {
        var session: Session?
        var nextID = 1
    }

    /// The server does not know the session any more.
    private struct SessionLost: Error {}

    private let url: String
    private let token: String?
    private let client: OutboundClient
    private let timeoutSeconds: Double
    private let state = Mutex(State())

    /// - Parameters:
    ///   - token: sent as bearer token.
    ///   - timeoutSeconds: for one request.
    public init(url: String, token: String?, client: OutboundClient, timeoutSeconds: Double = 30) {
        self.url = url
        self.token = token
        self.client = client
        self.timeoutSeconds = timeoutSeconds
    }

    // MARK: - What a server offers

    /// - Throws: `MCPError`, `CancellationError`
    public func listTools() async throws -> [MCPTool] {
        var tools: [MCPTool] = []
        var cursor: String?
        for _ in 0..<Self.pageBound {
            var parameters = JSONObject()
            if let cursor { parameters["cursor"] = .string(cursor) }
            let page = try await call("tools/list", parameters)
            guard let items = page["tools"]?.arrayValue else { throw MCPError("It listed no tools.") }
            tools += items.compactMap(MCPTool.init)
            cursor = page["nextCursor"]?.stringValue
            if cursor == nil || tools.count >= Self.toolBound { break }
        }
        return Array(tools.prefix(Self.toolBound))
    }

    /// Calls a tool.
    /// - Parameter idempotencyKey: the same for every try of this call; sent as a header and in `_meta`.
    /// - Throws: `MCPError`, `CancellationError`
    public func call(_ name: String, arguments: JSONObject, idempotencyKey: String) async throws -> MCPResult {
        MCPResult(
            try await call(
                "tools/call",
                [
                    "name": .string(name), "arguments": .object(arguments),
                    "_meta": ["agentos/idempotency_key": .string(idempotencyKey)],
                ], headers: [("idempotency-key", idempotencyKey)]))
    }

    /// Tells the server that its session is over. Errors do not matter any more.
    public func close() async {
        guard
            let session = state.withLock({ state in
                defer { state.session = nil }
                return state.session
            }), session.id != nil
        else { return }
        _ = try? await client.send(
            OutboundRequest(method: "DELETE", url: url, headers: headers(session), timeoutSeconds: 5))
    }

    // MARK: - Requests

    private func call(
        _ method: String, _ parameters: JSONObject, headers: [(String, String)] = []
    ) async throws -> JSONValue {
        do {
            return try await request(method, parameters, headers, try await session())
        } catch is SessionLost {
            // The request was not carried out: a new session can have it.
            state.withLock { $0.session = nil }
        }
        do {
            return try await request(method, parameters, headers, try await session())
        } catch is SessionLost {
            throw MCPError("It forgets its sessions at once.", wasRefused: true)
        }
    }

    private func session() async throws -> Session {
        if let known = state.withLock({ $0.session }) { return known }
        let opening = Session(id: nil, version: "")
        let parameters: JSONObject = [
            "protocolVersion": .string(Self.protocolVersion), "capabilities": [:],
            "clientInfo": ["name": "agentos", "version": "1"],
        ]
        let answer: OutboundResponse
        do {
            answer = try await post(method: "initialize", id: nextID(), parameters, [], opening)
        } catch is SessionLost {
            throw MCPError("There is no MCP server at this URL (404).", wasRefused: true)
        }
        let result = try Self.result(in: answer)
        let session = Session(
            id: answer.header("mcp-session-id"), version: result["protocolVersion"]?.stringValue ?? Self.protocolVersion
        )
        do {
            _ = try await post(method: "notifications/initialized", id: nil, JSONObject(), [], session)
        } catch is SessionLost {
            throw MCPError("It forgets its sessions at once.", wasRefused: true)
        }
        state.withLock { $0.session = session }
        return session
    }

    private func nextID() -> Int {
        state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
    }

    private func request(
        _ method: String, _ parameters: JSONObject, _ headers: [(String, String)], _ session: Session
    ) async throws -> JSONValue {
        try Self.result(in: try await post(method: method, id: nextID(), parameters, headers, session))
    }

    private func headers(_ session: Session) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if let token { headers.append(("authorization", "Bearer \(token)")) }
        if let id = session.id { headers.append(("mcp-session-id", id)) }
        if !session.version.isEmpty { headers.append(("mcp-protocol-version", session.version)) }
        return headers
    }

    /// - Parameter id: nil for a notification, which has no answer.
    private func post(
        method: String, id: Int?, _ parameters: JSONObject, _ more: [(String, String)], _ session: Session
    ) async throws -> OutboundResponse {
        var message: JSONObject = ["jsonrpc": "2.0", "method": .string(method)]
        if let id { message["id"] = .int(id) }
        if !parameters.isEmpty || id != nil { message["params"] = .object(parameters) }
        let request = OutboundRequest(
            method: "POST", url: url,
            headers: headers(session) + [
                ("accept", "application/json, text/event-stream"), ("content-type", "application/json"),
            ] + more.map { (name: $0.0, value: $0.1) }, body: JSONValue.object(message).encoded,
            timeoutSeconds: timeoutSeconds, maxResponseBytes: Self.responseBound)
        let answer: OutboundResponse
        do {
            answer = try await client.send(request)
        } catch let error as OutboundError {
            throw MCPError(error.message, wasRefused: error.neverSent)
        }
        switch answer.status {
        case 200..<300: return answer
        case 404: throw SessionLost()
        // Some servers say so of a session they do not know.
        case 400 where session.id != nil && Self.speaksOfSession(answer): throw SessionLost()
        case 401, 403: throw MCPError("It refuses the bearer token (\(answer.status)).", wasRefused: true)
        default: throw MCPError("It answered \(answer.status).", wasRefused: answer.status < 500)
        }
    }

    private static func speaksOfSession(_ answer: OutboundResponse) -> Bool {
        String(decoding: answer.body.prefix(500), as: UTF8.self).lowercased().contains("session")
    }

    // MARK: - Answers

    /// The result in a JSON body, or in the one message of an event stream that is a response.
    private static func result(in answer: OutboundResponse) throws -> JSONValue {
        if answer.truncated { throw MCPError("Its answer is too large.") }
        let isStream = answer.header("content-type")?.lowercased().hasPrefix("text/event-stream") == true
        guard let message = isStream ? streamed(answer.body) : try? JSONParser.parse(answer.body) else {
            throw MCPError("Its answer is no JSON-RPC message.")
        }
        if let error = message["error"], error.objectValue != nil {
            let text = error["message"]?.stringValue ?? "error \(error["code"]?.intValue ?? 0)"
            throw MCPError("It refused the request: \(text.prefix(1000))", wasRefused: true)
        }
        guard let result = message["result"] else { throw MCPError("Its answer holds no result.") }
        return result
    }

    private static func streamed(_ body: [UInt8]) -> JSONValue? {
        var parser = SSEParser()
        // An event that the end of the body cut off is no event; servers end theirs with a blank line.
        guard let events = try? parser.feed(body + Array("\n\n".utf8)) else { return nil }
        for event in events {
            if let message = try? JSONParser.parse(event.data), message["result"] != nil || message["error"] != nil {
                return message
            }
        }
        return nil
    }
}

extension OutboundError {
    /// The request cannot have been carried out.
    fileprivate var neverSent: Bool {
        switch kind {
        case .badURL, .badRequest, .refusedAddress, .unresolved, .unreachable: true
        default: false
        }
    }
}
