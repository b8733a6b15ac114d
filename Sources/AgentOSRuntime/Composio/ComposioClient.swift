import AgentOSCore
import AgentOSOutbound

/// Where Composio is, and as whom this server asks there.
public struct ComposioSettings: Sendable {
    public static let defaultURL = "https://backend.composio.dev"

    public var apiKey: String
    public var baseURL: String
    /// Composio's id of the person whose connected accounts are used.
    public var userID: String

    public init(apiKey: String, baseURL: String? = nil, userID: String? = nil) {
        self.apiKey = apiKey
        var base = baseURL ?? Self.defaultURL
        while base.last == "/" { base.removeLast() }
        self.baseURL = base
        self.userID = userID ?? "default"
    }
}

/// The parts of Composio's REST API v3 that are used: connected accounts, the tools of a toolkit, and running one
/// (https://docs.composio.dev/reference/v3).
struct ComposioClient: Sendable {
    struct Account: Sendable {
        let toolkit: String
        let createdAt: Timestamp?
    }

    struct Action: Sendable {
        /// As Composio names it, e.g. `GITHUB_CREATE_ISSUE`.
        let slug: String
        let name: String
        let description: String
        let inputSchema: JSONValue
    }

    /// Pages and rows that are read at most.
    private static let pages = 10
    private static let pageSize = 200
    private static let answerBound = 8 << 20
    private static let listSeconds = 15.0
    private static let callSeconds = 60.0

    let settings: ComposioSettings
    let outbound: OutboundClient

    /// The person's accounts that work now.
    func accounts() async throws -> [Account] {
        try await rows("connected_accounts?user_ids=\(PercentEncoding.strict(settings.userID))&statuses=ACTIVE")
            .compactMap {
                guard let toolkit = $0["toolkit"]?["slug"]?.stringValue,
                    $0["status"]?.stringValue ?? "ACTIVE" == "ACTIVE"
                else { return nil }
                return Account(
                    toolkit: toolkit, createdAt: $0["created_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) })
            }
    }

    func actions(of toolkit: String) async throws -> [Action] {
        try await rows("tools?toolkit_slug=\(PercentEncoding.strict(toolkit))").compactMap { row in
            guard let slug = row["slug"]?.stringValue, Self.isSlug(slug) else { return nil }
            let schema = row["input_parameters"]
            return Action(
                slug: slug, name: row["name"]?.stringValue ?? slug,
                description: String((row["description"]?.stringValue ?? "").prefix(4000)),
                inputSchema: schema?.objectValue == nil ? ["type": "object"] : schema ?? .null)
        }
    }

    /// A slug becomes part of a tool's name and of a path.
    private static func isSlug(_ text: String) -> Bool {
        (1...54).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x41...0x5a).contains($0 & 0xdf) || (0x30...0x39).contains($0) || $0 == 0x5f }
    }

    /// - Throws: `ToolFailure` with Composio's words.
    func execute(_ slug: String, _ arguments: JSONObject) async throws -> JSONValue {
        let body: JSONValue = ["user_id": .string(settings.userID), "arguments": .object(arguments)]
        let answer = try await send("POST", "tools/execute/\(slug)", body: body.encoded, seconds: Self.callSeconds)
        guard answer["successful"]?.boolValue == true else {
            let words = answer["error"]?.stringValue ?? answer["error"]?["message"]?.stringValue
            throw ToolFailure("Composio: \((words ?? "the action failed").prefix(2000))")
        }
        return answer["data"] ?? .null
    }

    private func rows(_ path: String) async throws -> [JSONValue] {
        var (out, cursor): ([JSONValue], String?) = ([], nil)
        for _ in 0..<Self.pages {
            let more = cursor.map { "&cursor=\(PercentEncoding.strict($0))" } ?? ""
            let answer = try await send(
                "GET", "\(path)&limit=\(Self.pageSize)\(more)", body: nil, seconds: Self.listSeconds)
            out += answer["items"]?.arrayValue ?? []
            cursor = answer["next_cursor"]?.stringValue
            if cursor?.isEmpty ?? true { break }
        }
        return out
    }

    private func send(_ method: String, _ path: String, body: [UInt8]?, seconds: Double) async throws -> JSONValue {
        var headers = [("x-api-key", settings.apiKey), ("accept", "application/json")]
        if body != nil { headers.append(("content-type", "application/json")) }
        var request = OutboundRequest(
            method: method, url: "\(settings.baseURL)/api/v3/\(path)", headers: headers, body: body,
            timeoutSeconds: seconds)
        request.maxResponseBytes = Self.answerBound
        let answer: OutboundResponse
        do {
            answer = try await outbound.sendUnguarded(request)
        } catch let error as OutboundError {
            throw ToolFailure("Composio cannot be reached: \(error.message)")
        }
        let value = try? JSONParser.parse(answer.body)
        guard (200..<300).contains(answer.status), let value else {
            let words = value?["error"]?["message"]?.stringValue ?? value?["message"]?.stringValue ?? ""
            throw ToolFailure("Composio answered \(answer.status)\(words.isEmpty ? "." : ": \(words.prefix(500))")")
        }
        return value
    }
}
