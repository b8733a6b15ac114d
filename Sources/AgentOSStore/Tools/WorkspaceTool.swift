import AgentOSCore

/// An HTTP tool of a workspace, without its secrets.
public struct WorkspaceTool: Sendable {
    public let id: WorkspaceToolID
    public let workspaceID: WorkspaceID
    public let name: String
    public let method: String
    /// With `{name}` placeholders.
    public let url: String
    public let description: String?
    public let isEnabled: Bool
    /// JSON Schema of the arguments; nil: any object.
    public let inputSchema: JSONValue?
    public let timeoutSeconds: Int
    public let requiresApproval: Bool
    /// Whether the endpoint recognises a repeated call.
    public let isIdempotent: Bool
    /// What becomes of a call whose outcome a crash left open: `retry`, `ask` or `report`.
    public let unknownOutcome: String
    public let createdAt: Timestamp
    let sealedSecret: [UInt8]?
    let sealedHeaders: [UInt8]?

    public var hasAuth: Bool { sealedSecret != nil }
}

/// What a call of a workspace's tool is sent with beyond its arguments.
public struct WorkspaceToolCredentials: Sendable {
    /// Sent as bearer token.
    public let secret: String?
    public let headers: [(name: String, value: String)]
}

/// An HTTP tool about to be stored.
public struct WorkspaceToolDraft: Sendable {
    public var name: String
    public var method: String
    public var url: String
    public var description: String?
    public var isEnabled = true
    public var secret: String?
    public var headers: [(name: String, value: String)] = []
    public var inputSchema: JSONValue?
    public var timeoutSeconds = 30
    public var requiresApproval = false
    public var isIdempotent = false
    public var unknownOutcome = "report"

    public init(name: String, method: String, url: String) {
        self.name = name
        self.method = method
        self.url = url
    }
}
