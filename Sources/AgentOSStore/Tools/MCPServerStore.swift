import AgentOSCore
import Synchronization

/// An MCP server of a workspace, with the tools it listed last.
public struct MCPServerRecord: Sendable {
    public let id: MCPServerID
    public let workspaceID: WorkspaceID
    public let name: String
    public let url: String
    public let hasAuth: Bool
    let sealedSecret: [UInt8]?
    public let tools: [MCPToolRecord]
    public let lastError: String?
    public let refreshedAt: Timestamp?
    public let createdAt: Timestamp
}

/// A tool of an MCP server.
public struct MCPToolRecord: Sendable, Hashable {
    /// As agents use it; the plain name in a list that was not stored yet.
    public internal(set) var agentName: String
    /// As the server calls it.
    public let name: String
    public let description: String
    public let inputSchema: JSONValue
    public let isReadOnly: Bool
    public let isIdempotent: Bool

    public init(
        agentName: String, name: String, description: String, inputSchema: JSONValue, isReadOnly: Bool,
        isIdempotent: Bool
    ) {
        self.agentName = agentName
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
        self.isReadOnly = isReadOnly
        self.isIdempotent = isIdempotent
    }

    var json: JSONValue {
        [
            "agent_name": .string(agentName), "name": .string(name), "description": .string(description),
            "input_schema": inputSchema, "read_only": .bool(isReadOnly), "idempotent": .bool(isIdempotent),
        ]
    }

    init?(_ value: JSONValue) {
        guard let agentName = value["agent_name"]?.stringValue, let name = value["name"]?.stringValue,
            let schema = value["input_schema"]
        else { return nil }
        self.init(
            agentName: agentName, name: name, description: value["description"]?.stringValue ?? "", inputSchema: schema,
            isReadOnly: value["read_only"]?.boolValue ?? false, isIdempotent: value["idempotent"]?.boolValue ?? false)
    }
}

/// MCP servers of workspaces. Those of a workspace are remembered together, since runs ask for their tools.
public final class MCPServerStore: Sendable {
    /// Servers of one workspace.
    public static let bound = 50
    private static let rememberedBound = 1000

    private struct Remembered {
        var byWorkspace: [Int64: [MCPServerRecord]] = [:]
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

    /// In the order of their names.
    public func list(workspace: Int64) async throws -> [MCPServerRecord] {
        let (known, generation) = remembered.withLock { ($0.byWorkspace[workspace], $0.generation) }
        if let known { return known }
        let found = try await database.read { connection in
            try connection.rows(
                """
                SELECT s.id, w.id, s.name, s.url, s.auth_secret, s.tools, s.last_error, s.refreshed_at, s.created_at
                FROM mcp_servers s JOIN workspaces w ON w.key = s.workspace_key
                WHERE s.workspace_key = $1 ORDER BY s.name LIMIT $2
                """, [.int(workspace), .int(Int64(Self.bound))]
            ) { row in
                MCPServerRecord(
                    id: MCPServerID(try row.bits(0)), workspaceID: WorkspaceID(try row.bits(1)),
                    name: try row.requiredText(2), url: try row.requiredText(3), hasAuth: row.bytes(4) != nil,
                    sealedSecret: row.bytes(4), tools: row.json(5)?.arrayValue?.compactMap(MCPToolRecord.init) ?? [],
                    lastError: row.text(6), refreshedAt: row.time(7),
                    createdAt: Timestamp(microseconds: try row.requiredInt(8)))
            }
        }
        remembered.withLock { state in
            guard state.generation == generation else { return }
            if state.byWorkspace.count >= Self.rememberedBound { state.byWorkspace.removeAll() }
            state.byWorkspace[workspace] = found
        }
        return found
    }

    /// - Throws: NOT_FOUND
    public func server(_ id: MCPServerID, workspace: Int64) async throws -> MCPServerRecord {
        guard let found = try await list(workspace: workspace).first(where: { $0.id == id }) else {
            throw AgentOSError.notFound("MCP server")
        }
        return found
    }

    /// - Throws: INTERNAL_ERROR when it was sealed under another master key.
    public func secret(of server: MCPServerRecord) throws -> String? {
        try server.sealedSecret.map { try vault.open($0, context: Self.context(server.workspaceID, server.id)) }
    }

    static func context(_ workspace: WorkspaceID, _ id: MCPServerID) -> String { "mcp:\(workspace):\(id)" }

    /// - Parameter tools: with their plain names.
    /// - Returns: the server, and its tools as agents use them.
    /// - Throws: CONFLICT when the name is taken or the workspace has as many servers as it may.
    public func create(
        _ workspace: WorkspaceRef, name: String, url: String, secret: String?, tools: [MCPToolRecord]
    ) async throws -> (id: MCPServerID, tools: [MCPToolRecord]) {
        let now = clock.now()
        let id = MCPServerID.new(at: now)
        let sealed = try secret.map { try vault.seal($0, context: Self.context(workspace.id, id)) }
        let cost = JSONValue.array(tools.map(\.json)).encoded.count
        let named = try await committer.write(
            cost: cost + 1024, audit: .row("MCP server", in: "mcp_servers", where: "id = $1", [.id(id)])
        ) { connection -> [MCPToolRecord] in
            let count = try connection.int(
                "SELECT COUNT(*) FROM mcp_servers WHERE workspace_key = $1", [.int(workspace.key)])
            guard (count ?? 0) < Int64(Self.bound) else {
                throw AgentOSError(
                    .conflict, "A workspace can have at most \(Self.bound) MCP servers; delete some first.")
            }
            let named = try Self.named(tools, of: id, workspace: workspace.key, connection)
            do {
                try connection.run(
                    """
                    INSERT INTO mcp_servers (id, workspace_key, name, url, auth_secret, tools, refreshed_at, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
                    """,
                    [
                        .id(id), .int(workspace.key), .text(name), .text(url), sealed.map(SQLValue.blob) ?? .null,
                        .json(.array(named.map(\.json))), .time(now),
                    ])
            } catch StoreError.duplicate {
                throw AgentOSError(.conflict, "There is an MCP server named \(name) already.")
            }
            return named
        }
        forget(workspace.key)
        return (id, named)
    }

    /// The tools under names that no other server of the workspace has.
    private static func named(
        _ tools: [MCPToolRecord], of id: MCPServerID, workspace: Int64, _ connection: any SQLConnection
    ) throws -> [MCPToolRecord] {
        let servers = try connection.rows(
            "SELECT id, tools FROM mcp_servers WHERE workspace_key = $1 ORDER BY created_at, id", [.int(workspace)]
        ) { row in
            (id: MCPServerID(try row.bits(0)), tools: row.json(1)?.arrayValue?.compactMap(MCPToolRecord.init) ?? [])
        }
        let place = servers.firstIndex { $0.id == id } ?? servers.endIndex
        return MCPToolNames.named(
            tools, known: servers[place...].first?.tools ?? [],
            older: Set(servers[..<place].flatMap(\.tools).map(\.agentName)),
            others: Set(servers.filter { $0.id != id }.flatMap(\.tools).map(\.agentName)))
    }

    /// Keeps what a server listed now; nil for `tools` keeps the former list and notes why there is no newer one.
    /// - Parameter tools: with their plain names; those that are known keep the names they have.
    public func refreshed(
        _ id: MCPServerID, workspace: Int64, tools: [MCPToolRecord]?, error: String?
    ) async throws {
        let now = clock.now()
        let cost = tools.map { JSONValue.array($0.map(\.json)).encoded.count } ?? 0
        try await committer.write(cost: cost + 512) { connection in
            let named = try tools.map { try Self.named($0, of: id, workspace: workspace, connection) }
            try connection.run(
                """
                UPDATE mcp_servers SET tools = COALESCE($3, tools), last_error = $4, refreshed_at = $5
                WHERE id = $1 AND workspace_key = $2
                """,
                [
                    .id(id), .int(workspace), .json(named.map { .array($0.map(\.json)) }), .optional(error),
                    .time(now),
                ])
        }
        forget(workspace)
    }

    /// - Throws: NOT_FOUND
    public func delete(_ id: MCPServerID, workspace: Int64) async throws {
        try await committer.write(
            audit: .row(
                "MCP server", in: "mcp_servers", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let changed = try connection.run(
                "DELETE FROM mcp_servers WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
            guard changed > 0 else { throw AgentOSError.notFound("MCP server") }
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
