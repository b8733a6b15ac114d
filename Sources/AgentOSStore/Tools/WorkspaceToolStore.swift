import AgentOSCore
import Synchronization

/// HTTP tools of workspaces. Those of a workspace are remembered together, since every run asks for some; secrets stay
/// sealed until a call is made.
public final class WorkspaceToolStore: Sendable {
    /// Tools of one workspace.
    public static let bound = 500
    private static let rememberedBound = 1000

    private struct Remembered {
        var byWorkspace: [Int64: [String: WorkspaceTool]] = [:]
        var generation: UInt64 = 0
    }

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let vault: Vault
    private let remembered = Mutex(Remembered())

    public init(database: any Database, committer: GroupCommit, clock: WallClock, vault: Vault) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.vault = vault
    }

    // MARK: - Reading

    /// All tools of a workspace by name, disabled ones included.
    public func tools(workspace: Int64) async throws -> [String: WorkspaceTool] {
        let (known, generation) = remembered.withLock { ($0.byWorkspace[workspace], $0.generation) }
        if let known { return known }
        let found = try await database.read { connection in
            try connection.rows(
                """
                SELECT t.id, w.id, t.name, t.method, t.url, t.description, t.enabled, t.input_schema, t.timeout_seconds,
                  t.requires_approval, t.idempotent, t.unknown_outcome, t.created_at, t.auth_secret, t.headers
                FROM workspace_tools t JOIN workspaces w ON w.key = t.workspace_key
                WHERE t.workspace_key = $1 LIMIT $2
                """, [.int(workspace), .int(Int64(Self.bound))], Self.decode)
        }
        let tools = Dictionary(found.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        remembered.withLock { state in
            guard state.generation == generation else { return }
            if state.byWorkspace.count >= Self.rememberedBound { state.byWorkspace.removeAll() }
            state.byWorkspace[workspace] = tools
        }
        return tools
    }

    private static func decode(_ row: any SQLRow) throws -> WorkspaceTool {
        WorkspaceTool(
            id: WorkspaceToolID(try row.bits(0)), workspaceID: WorkspaceID(try row.bits(1)),
            name: try row.requiredText(2), method: try row.requiredText(3), url: try row.requiredText(4),
            description: row.text(5), isEnabled: try row.requiredInt(6) != 0, inputSchema: row.json(7),
            timeoutSeconds: Int(try row.requiredInt(8)), requiresApproval: try row.requiredInt(9) != 0,
            isIdempotent: try row.requiredInt(10) != 0, unknownOutcome: try row.requiredText(11),
            createdAt: Timestamp(microseconds: try row.requiredInt(12)), sealedSecret: row.bytes(13),
            sealedHeaders: row.bytes(14))
    }

    /// In the order of their names.
    public func list(workspace: Int64, enabledOnly: Bool = false) async throws -> [WorkspaceTool] {
        try await tools(workspace: workspace).values.filter { $0.isEnabled || !enabledOnly }
            .sorted { $0.name < $1.name }
    }

    /// - Throws: INTERNAL_ERROR when they were sealed under another master key.
    public func credentials(of tool: WorkspaceTool) throws -> WorkspaceToolCredentials {
        let secret = try tool.sealedSecret.map {
            try vault.open($0, context: Self.context(tool.workspaceID, tool.id, "secret"))
        }
        let headers = try tool.sealedHeaders.map {
            try vault.open($0, context: Self.context(tool.workspaceID, tool.id, "headers"))
        }
        let members = headers.flatMap { try? JSONParser.parse($0).objectValue }?.members ?? []
        return WorkspaceToolCredentials(
            secret: secret, headers: members.map { (name: $0.key, value: $0.value.stringValue ?? "") })
    }

    static func context(_ workspace: WorkspaceID, _ id: WorkspaceToolID, _ part: String) -> String {
        "tool:\(workspace):\(id):\(part)"
    }

    // MARK: - Writing

    /// - Throws: CONFLICT when the name is taken or the workspace has as many tools as it may.
    public func create(_ workspace: WorkspaceRef, _ draft: WorkspaceToolDraft) async throws -> WorkspaceToolID {
        let now = clock.now()
        let id = WorkspaceToolID.new(at: now)
        let secret = try draft.secret.map { try vault.seal($0, context: Self.context(workspace.id, id, "secret")) }
        let headers = JSONValue.object(JSONObject(draft.headers.map { ($0.name, .string($0.value)) }))
        let sealedHeaders =
            draft.headers.isEmpty
            ? nil : try vault.seal(headers.text, context: Self.context(workspace.id, id, "headers"))
        let values: [SQLValue] = [
            .id(id), .int(workspace.key), .text(draft.name), .text(draft.method), .text(draft.url),
            .optional(draft.description), .bool(draft.isEnabled), secret.map(SQLValue.blob) ?? .null,
            .json(draft.inputSchema), sealedHeaders.map(SQLValue.blob) ?? .null, .int(Int64(draft.timeoutSeconds)),
            .bool(draft.requiresApproval), .bool(draft.isIdempotent), .text(draft.unknownOutcome), .time(now),
        ]
        let name = draft.name
        try await committer.write(cost: 4096, audit: .row("tool", in: "workspace_tools", where: "id = $1", [.id(id)])) {
            connection in
            let count = try connection.int(
                "SELECT COUNT(*) FROM workspace_tools WHERE workspace_key = $1", [.int(workspace.key)])
            guard (count ?? 0) < Int64(Self.bound) else {
                throw AgentOSError(.conflict, "A workspace can have at most \(Self.bound) tools; delete some first.")
            }
            do {
                try connection.run(
                    """
                    INSERT INTO workspace_tools (id, workspace_key, name, method, url, description, enabled,
                      auth_secret, input_schema, headers, timeout_seconds, requires_approval, idempotent,
                      unknown_outcome, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                    """, values)
            } catch StoreError.duplicate {
                throw AgentOSError(.conflict, "There is already a tool named \(name).")
            }
        }
        forget(workspace.key)
        return id
    }

    /// - Throws: NOT_FOUND
    public func delete(_ id: WorkspaceToolID, workspace: Int64) async throws {
        try await committer.write(
            audit: .row(
                "tool", in: "workspace_tools", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let changed = try connection.run(
                "DELETE FROM workspace_tools WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
            guard changed > 0 else { throw AgentOSError.notFound("tool") }
        }
        forget(workspace)
    }

    private func forget(_ workspace: Int64) {
        remembered.withLock { state in
            state.generation &+= 1
            state.byWorkspace[workspace] = nil
        }
    }
}
