import AgentOSCore

public struct Workspace: Sendable {
    public let ref: WorkspaceRef
    public let slug: String
    public let name: String
}

/// A workspace together with the rights that somebody has in it.
public struct Membership: Sendable {
    public let workspace: Workspace
    public let role: Role

    public init(workspace: Workspace, role: Role) {
        self.workspace = workspace
        self.role = role
    }
}

/// Workspaces, users and who belongs where.
public final class WorkspaceStore: Sendable {
    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    public func isEmpty() async throws -> Bool {
        try await database.read { try $0.int("SELECT COUNT(*) FROM workspaces") == 0 }
    }

    public func workspace(key: Int64) async throws -> Workspace? {
        try await database.read { connection in
            try connection.row(
                "SELECT key, id, slug, name FROM workspaces WHERE key = $1 AND deleted_at IS NULL", [.int(key)],
                Self.decode)
        }
    }

    /// All of a server, oldest first. For what is done to its files.
    public static func all(_ database: any Database) async throws -> [Workspace] {
        try await database.read { connection in
            try connection.rows(
                "SELECT key, id, slug, name FROM workspaces WHERE deleted_at IS NULL ORDER BY key", [], decode)
        }
    }

    /// By slug or id.
    public func workspace(named name: String) async throws -> Workspace? {
        try await database.read { connection in
            try connection.row(
                "SELECT key, id, slug, name FROM workspaces WHERE (slug = $1 OR id = $2) AND deleted_at IS NULL",
                [.text(name), WorkspaceID(name).map { .id($0) } ?? .null], Self.decode)
        }
    }

    private static func decode(_ row: any SQLRow) throws -> Workspace {
        Workspace(
            ref: WorkspaceRef(key: try row.requiredInt(0), id: WorkspaceID(try row.bits(1))),
            slug: try row.requiredText(2), name: try row.requiredText(3))
    }

    /// A user's workspaces, oldest first.
    public func memberships(ofUser user: Int64) async throws -> [Membership] {
        try await database.read { connection in
            try connection.rows(
                """
                SELECT w.key, w.id, w.slug, w.name, m.role FROM members m JOIN workspaces w ON w.key = m.workspace_key
                WHERE m.user_key = $1 ORDER BY w.key
                """, [.int(user)]
            ) { row in
                Membership(workspace: try Self.decode(row), role: Role(word: try row.requiredText(4)) ?? .viewer)
            }
        }
    }

    /// Characters of a slug.
    public static let slugLength = 60

    /// Makes a workspace with its owner.
    /// - Parameter numbered: whether a slug that is taken gets a number, `team-2`.
    /// - Throws: CONFLICT when the slug is taken.
    public func create(name: String, slug: String, numbered: Bool = false, owner: Int64) async throws -> Workspace {
        let now = clock.now()
        let id = WorkspaceID.new(at: now)
        return try await committer.write(audit: .row("workspace", in: "workspaces", where: "id = $1", [.id(id)])) {
            connection in
            let free = numbered ? try Self.free(slug, connection) : slug
            return try Self.insert(id, name: name, slug: free, owner: owner, now: now, connection)
        }
    }

    /// The slug itself, or with the smallest number from 2 on that is free.
    private static func free(_ slug: String, _ connection: any SQLConnection) throws -> String {
        let taken = try connection.int("SELECT 1 FROM workspaces WHERE slug = $1", [.text(slug)])
        guard taken != nil else { return slug }
        // Room for the number and its hyphen.
        let stem = slug.prefix(slugLength - 10).split(separator: "-").joined(separator: "-")
        let known = Set(
            try connection.rows(
                "SELECT slug FROM workspaces WHERE slug >= $1 AND slug < $2", [.text(stem + "-"), .text(stem + ".")]
            ) { try $0.requiredText(0) })
        var number = 2
        while known.contains("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }

    /// - Parameter given: its id; default: a new one.
    public static func insert(
        _ given: WorkspaceID? = nil, name: String, slug: String, owner: Int64, now: Timestamp,
        _ connection: any SQLConnection
    ) throws -> Workspace {
        let id = given ?? WorkspaceID.new(at: now)
        let key: Int64?
        do {
            key = try connection.row(
                "INSERT INTO workspaces (id, slug, name, created_at) VALUES ($1, $2, $3, $4) RETURNING key",
                [.id(id), .text(slug), .text(name), .time(now)]
            ) { try $0.requiredInt(0) }
        } catch StoreError.duplicate {
            throw AgentOSError(.conflict, "There is already a workspace with the slug \(slug).")
        }
        guard let key else { throw StoreError.damaged("a new workspace") }
        try connection.run(
            "INSERT INTO members (id, workspace_key, user_key, role, created_at) VALUES ($1, $2, $3, $4, $5)",
            [.id(UserID.new(at: now)), .int(key), .int(owner), .text(Role.owner.word), .time(now)])
        return Workspace(ref: WorkspaceRef(key: key, id: id), slug: slug, name: name)
    }

    /// Makes a workspace invisible at once, with its keys, members and agents; `Purge` removes their rows in slices. Its
    /// slug is free again.
    /// - Returns: the keys of its agents.
    public func delete(_ workspace: WorkspaceRef) async throws -> [Int64] {
        let now = clock.now()
        return try await committer.write(
            audit: .row("workspace", in: "workspaces", where: "key = $1 AND deleted_at IS NULL", [.int(workspace.key)])
        ) { connection in
            try connection.run(
                "UPDATE workspaces SET deleted_at = $2, slug = $3 WHERE key = $1 AND deleted_at IS NULL",
                [.int(workspace.key), .time(now), .text("deleted \(workspace.id)")])
            for table in ["api_keys", "members", "invites", "jobs"] {
                try connection.run("DELETE FROM \(table) WHERE workspace_key = $1", [.int(workspace.key)])
            }
            try connection.run(
                """
                DELETE FROM api_keys WHERE agent_key IN (SELECT key FROM agents WHERE workspace_key = $1)
                """, [.int(workspace.key)])
            let agents = try connection.rows(
                "SELECT key FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL", [.int(workspace.key)]
            ) { try $0.requiredInt(0) }
            try connection.run(
                "UPDATE agents SET deleted_at = $2 WHERE workspace_key = $1 AND deleted_at IS NULL",
                [.int(workspace.key), .time(now)])
            return agents
        }
    }

    public static func insertUser(
        email: String, name: String?, passwordHash: String, now: Timestamp, _ connection: any SQLConnection
    ) throws -> Int64 {
        let key = try connection.row(
            "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING key",
            [.id(UserID.new(at: now)), .text(email), .optional(name), .text(passwordHash), .time(now)]
        ) { try $0.requiredInt(0) }
        guard let key else { throw StoreError.damaged("a new user") }
        return key
    }
}
