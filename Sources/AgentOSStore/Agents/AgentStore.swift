import AgentOSCore
import Synchronization

/// Agents of all workspaces. Single agents are remembered, since every ingest and invoke asks for one.
public final class AgentStore: Sendable {
    public struct Filter: Sendable {
        public var status: AgentStatus?
        public var folder: FolderID?
        /// Only those in no folder.
        public var unfiled: Bool

        public init(status: AgentStatus? = nil, folder: FolderID? = nil, unfiled: Bool = false) {
            self.status = status
            self.folder = folder
            self.unfiled = unfiled
        }
    }

    private struct Remembered {
        var byID: [AgentID: Agent] = [:]
        var generation: UInt64 = 0
    }

    private static let rememberedBound = 5000

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let remembered = Mutex(Remembered())

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    static let columns = """
        a.key, a.id, a.workspace_key, w.id, a.name, a.role, a.description, a.status, a.runtime_type, a.provider_type,
        a.model, a.system_prompt, a.temperature, a.max_tokens, a.max_iterations, a.tools, a.tags, a.prompt_variables,
        a.input_schema, a.output_schema, a.created_at, a.updated_at, a.approval_tools, a.fallback_models,
        a.pinned_resources, a.max_cost, (SELECT f.id FROM folders f WHERE f.key = a.folder_key),
        (SELECT h.url FROM webhooks h WHERE h.agent_key = a.key AND h.is_setting = 1), a.version
        """

    static func decode(_ row: any SQLRow) throws -> Agent {
        func strings(_ column: Int) -> [String] { row.json(column)?.arrayValue?.compactMap(\.stringValue) ?? [] }
        var agent = Agent(
            key: try row.requiredInt(0), id: AgentID(try row.bits(1)), workspaceKey: try row.requiredInt(2),
            workspaceID: WorkspaceID(try row.bits(3)), name: try row.requiredText(4), role: row.text(5),
            description: row.text(6), status: AgentStatus(rawValue: try row.requiredText(7)) ?? .paused,
            runtimeType: RuntimeType(rawValue: try row.requiredText(8)) ?? .external,
            providerType: row.text(9).flatMap(ProviderType.init), model: row.text(10), systemPrompt: row.text(11),
            temperature: row.double(12), maxTokens: Int(try row.requiredInt(13)),
            maxIterations: Int(try row.requiredInt(14)), tools: strings(15), tags: strings(16),
            promptVariables: row.json(17)?.objectValue ?? JSONObject(), inputSchema: row.json(18),
            outputSchema: row.json(19), approvalTools: strings(22), fallbackModels: strings(23),
            pinnedResources: strings(24), maxCost: row.int(25).map(Money.init(nanoUSD:)),
            createdAt: Timestamp(microseconds: try row.requiredInt(20)),
            updatedAt: Timestamp(microseconds: try row.requiredInt(21)))
        agent.folderID = row.optionalBits(26).map(FolderID.init)
        agent.webhookURL = row.text(27)
        agent.version = Int(row.int(28) ?? 1)
        return agent
    }

    /// - Throws: NOT_FOUND when the workspace has no such agent.
    public func agent(_ id: AgentID, workspace: Int64) async throws -> Agent {
        let (known, generation) = remembered.withLock { ($0.byID[id], $0.generation) }
        if let known {
            guard known.workspaceKey == workspace else { throw AgentOSError.notFound("agent") }
            return known
        }
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT \(Self.columns) FROM agents a JOIN workspaces w ON w.key = a.workspace_key
                WHERE a.id = $1 AND a.deleted_at IS NULL
                """, [.id(id)], Self.decode)
        }
        guard let found else { throw AgentOSError.notFound("agent") }
        remembered.withLock { state in
            guard state.generation == generation else { return }
            if state.byID.count >= Self.rememberedBound { state.byID.removeAll() }
            state.byID[id] = found
        }
        guard found.workspaceKey == workspace else { throw AgentOSError.notFound("agent") }
        return found
    }

    /// The id behind a key that a run or a feed item names.
    public func id(ofKey key: Int64) async throws -> AgentID? {
        try await database.read { connection in
            try connection.row("SELECT id FROM agents WHERE key = $1", [.int(key)]) { AgentID(try $0.bits(0)) }
        }
    }

    /// The workspace of an agent that is not deleted.
    public func workspace(ofAgent key: Int64) async throws -> WorkspaceRef? {
        try await database.read { connection in
            try connection.row(
                """
                SELECT w.key, w.id FROM agents a JOIN workspaces w ON w.key = a.workspace_key
                WHERE a.key = $1 AND a.deleted_at IS NULL
                """, [.int(key)]
            ) { WorkspaceRef(key: try $0.requiredInt(0), id: WorkspaceID(try $0.bits(1))) }
        }
    }

    /// Forgets every remembered agent. Called when something that they refer to is gone.
    public func forgetAll() {
        remembered.withLock { state in
            state.generation &+= 1
            state.byID.removeAll()
        }
    }

    private func forget(_ id: AgentID) {
        remembered.withLock { state in
            state.generation &+= 1
            state.byID[id] = nil
        }
    }

    /// Newest first.
    public func list(workspace: Int64, _ filter: Filter, _ page: PageRequest) async throws -> Page<Agent> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns) FROM agents a JOIN workspaces w ON w.key = a.workspace_key
                WHERE a.workspace_key = $1 AND a.deleted_at IS NULL AND ($2 IS NULL OR a.status = $2)
                  AND a.key < $3 AND ($4 IS NULL OR a.folder_key = (SELECT key FROM folders WHERE id = $4))
                  AND ($5 = 0 OR a.folder_key IS NULL)
                ORDER BY a.key DESC LIMIT $6
                """,
                [
                    .int(workspace), .optional(filter.status?.rawValue), .int(below),
                    filter.folder.map { .id($0) } ?? .null, .bool(filter.unfiled),
                ]
            ) { row in
                let agent = try Self.decode(row)
                return (agent, ListPlace(.int(agent.key)))
            }
        }
    }

    private static func values(_ agent: Agent) -> [SQLValue] {
        [
            .text(agent.name), .optional(agent.role), .optional(agent.description), .text(agent.status.rawValue),
            .text(agent.runtimeType.rawValue), .optional(agent.providerType?.rawValue), .optional(agent.model),
            .optional(agent.systemPrompt), agent.temperature.map(SQLValue.double) ?? .null,
            .int(Int64(agent.maxTokens)), .int(Int64(agent.maxIterations)),
            .json(.array(agent.tools.map(JSONValue.string))), .json(.array(agent.tags.map(JSONValue.string))),
            .json(.object(agent.promptVariables)), .json(agent.inputSchema), .json(agent.outputSchema),
            .json(.array(agent.approvalTools.map(JSONValue.string))),
            .json(.array(agent.fallbackModels.map(JSONValue.string))),
            .json(.array(agent.pinnedResources.map(JSONValue.string))), .optional(agent.maxCost?.nanoUSD),
            .time(agent.updatedAt), agent.folderID.map { .id($0) } ?? .null,
        ]
    }

    /// What else belongs to a change of an agent: done in its transaction, after the agent is stored.
    public typealias Piece<T: Sendable> = @Sendable (Agent, any SQLConnection) throws -> T

    /// Stores a new agent; its `key`, `id` and times are set here.
    public func create(_ draft: Agent) async throws -> Agent { try await create(draft, with: { agent, _ in agent }) }

    /// As above, with something that is stored along with it or not at all.
    /// - Returns: what comes of it.
    public func create<T: Sendable>(_ draft: Agent, with piece: @escaping Piece<T>) async throws -> T {
        let now = clock.now()
        let id = AgentID.new(at: now)
        return try await committer.write(
            cost: 2048, audit: .row("agent", in: "agents", where: "id = $1", [.id(id)])
        ) { connection in try piece(Self.insert(draft, id: id, now: now, connection), connection) }
    }

    /// - Parameter id: default: a new one.
    public static func insert(
        _ draft: Agent, id: AgentID? = nil, now: Timestamp, _ connection: any SQLConnection
    ) throws -> Agent {
        var agent = draft
        agent.id = id ?? AgentID.new(at: now)
        agent.version = 1
        agent.createdAt = now
        agent.updatedAt = now
        let key = try connection.row(
            """
            INSERT INTO agents (name, role, description, status, runtime_type, provider_type, model, system_prompt,
              temperature, max_tokens, max_iterations, tools, tags, prompt_variables, input_schema, output_schema,
              approval_tools, fallback_models, pinned_resources, max_cost, updated_at, folder_key, id, workspace_key, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
              (SELECT key FROM folders WHERE id = $22), $23, $24, $21)
            RETURNING key
            """, values(agent) + [.id(agent.id), .int(agent.workspaceKey)]
        ) { try $0.requiredInt(0) }
        guard let key else { throw StoreError.damaged("a new agent") }
        agent.key = key
        try AgentVersionStore.add(agent, now: now, connection)
        return agent
    }

    /// Reads, changes and writes an agent in one transaction, so that two updates at once both count. A change of its
    /// configuration makes a version.
    /// - Parameter note: why; kept with the version.
    /// - Throws: NOT_FOUND; whatever `change` throws.
    public func update(
        _ id: AgentID, workspace: Int64, note: String? = nil, _ change: @escaping @Sendable (inout Agent) throws -> Void
    ) async throws -> Agent {
        try await update(id, workspace: workspace, note: note, change, with: { agent, _ in agent })
    }

    /// As above, with something that is changed along with it or not at all.
    /// - Returns: what comes of it.
    public func update<T: Sendable>(
        _ id: AgentID, workspace: Int64, note: String? = nil,
        _ change: @escaping @Sendable (inout Agent) throws -> Void, with piece: @escaping Piece<T>
    ) async throws -> T {
        let now = clock.now()
        let updated = try await committer.write(
            cost: 2048,
            audit: .row("agent", in: "agents", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let current = try connection.row(
                """
                SELECT \(Self.columns) FROM agents a JOIN workspaces w ON w.key = a.workspace_key
                WHERE a.id = $1 AND a.workspace_key = $2 AND a.deleted_at IS NULL
                """, [.id(id), .int(workspace)], Self.decode)
            guard var agent = current else { throw AgentOSError.notFound("agent") }
            let before = agent
            try change(&agent)
            // What changes nothing leaves no trace.
            if agent != before { agent.updatedAt = max(now, agent.updatedAt) }
            if agent.configuration != before.configuration {
                agent.version += 1
                try AgentVersionStore.keepFirst(before, connection)
                try AgentVersionStore.add(agent, note: note, now: now, connection)
            }
            try connection.run(
                """
                UPDATE agents SET name = $1, role = $2, description = $3, status = $4, runtime_type = $5,
                  provider_type = $6, model = $7, system_prompt = $8, temperature = $9, max_tokens = $10,
                  max_iterations = $11, tools = $12, tags = $13, prompt_variables = $14, input_schema = $15,
                  output_schema = $16, approval_tools = $17, fallback_models = $18, pinned_resources = $19, max_cost = $20,
                  updated_at = $21, folder_key = (SELECT key FROM folders WHERE id = $22), version = $24 WHERE key = $23
                """, Self.values(agent) + [.int(agent.key), .int(Int64(agent.version))])
            return try piece(agent, connection)
        }
        forget(id)
        return updated
    }

    /// Makes the agent, its keys, runs and conversations invisible at once; `Purge` removes their rows in slices.
    /// - Returns: the agent's key.
    /// - Throws: NOT_FOUND
    public func delete(_ id: AgentID, workspace: Int64) async throws -> Int64 {
        let now = clock.now()
        let key = try await committer.write(
            audit: .row(
                "agent", in: "agents", where: "id = $1 AND workspace_key = $2 AND deleted_at IS NULL",
                [.id(id), .int(workspace)])
        ) { connection in
            let key = try connection.row(
                """
                UPDATE agents SET deleted_at = $3 WHERE id = $1 AND workspace_key = $2 AND deleted_at IS NULL
                RETURNING key
                """, [.id(id), .int(workspace), .time(now)]
            ) { try $0.requiredInt(0) }
            guard let key else { throw AgentOSError.notFound("agent") }
            try connection.run("DELETE FROM api_keys WHERE agent_key = $1", [.int(key)])
            try RollupKeeper.stamp(workspace, connection)
            return key
        }
        forget(id)
        return key
    }
}
