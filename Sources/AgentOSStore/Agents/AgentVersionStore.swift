import AgentOSCore

/// A version of an agent's configuration.
public struct AgentVersion: Sendable {
    public let version: Int
    public let configuration: JSONObject
    /// Who made it: an e-mail address or the name of a key; nil for what the server made.
    public let author: String?
    public let note: String?
    public let createdAt: Timestamp
}

/// Every configuration that an agent ever had.
public final class AgentVersionStore: Sendable {
    private let database: any Database

    public init(database: any Database) { self.database = database }

    private static let columns = "version, configuration, author, note, created_at"

    private static func decode(_ row: any SQLRow) throws -> AgentVersion {
        AgentVersion(
            version: Int(try row.requiredInt(0)), configuration: row.json(1)?.objectValue ?? JSONObject(),
            author: row.text(2), note: row.text(3), createdAt: Timestamp(microseconds: try row.requiredInt(4)))
    }

    /// Newest first.
    public func list(agent: Int64, _ page: PageRequest) async throws -> Page<AgentVersion> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns) FROM agent_versions WHERE agent_key = $1 AND version < $2
                ORDER BY version DESC LIMIT $3
                """, [.int(agent), .int(below)]
            ) { row in
                let version = try Self.decode(row)
                return (version, ListPlace(.int(Int64(version.version))))
            }
        }
    }

    /// The version before another one, for comparing.
    public func predecessor(of number: Int, agent: Int64) async throws -> AgentVersion? {
        let request = PageRequest(after: ListPlace(.int(Int64(number))), limit: 1)
        return try await list(agent: agent, request).items.first
    }

    /// - Throws: NOT_FOUND
    public func version(_ number: Int, agent: Int64) async throws -> AgentVersion {
        let found = try await database.read { connection in
            try connection.row(
                "SELECT \(Self.columns) FROM agent_versions WHERE agent_key = $1 AND version = $2",
                [.int(agent), .int(Int64(number))], Self.decode)
        }
        guard let found else { throw AgentOSError(.notFound, "The agent has no version \(number).") }
        return found
    }

    /// Keeps an agent's configuration as the version it names.
    static func add(_ agent: Agent, note: String? = nil, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.run(
            """
            INSERT INTO agent_versions (agent_key, version, configuration, author, note, created_at)
            VALUES ($1, $2, $3,
              COALESCE((SELECT email FROM users WHERE key = $4), (SELECT name FROM api_keys WHERE key = $5)), $6, $7)
            """,
            [
                .int(agent.key), .int(Int64(agent.version)), .json(.object(agent.configuration)),
                .optional(connection.author?.userKey), .optional(connection.author?.keyKey), .optional(note),
                .time(now),
            ])
    }

    /// Agents from before versions were kept have none of their first configuration.
    static func keepFirst(_ agent: Agent, _ connection: any SQLConnection) throws {
        let known = try connection.int("SELECT 1 FROM agent_versions WHERE agent_key = $1 LIMIT 1", [.int(agent.key)])
        if known == nil { try add(agent, now: agent.updatedAt, connection) }
    }
}
