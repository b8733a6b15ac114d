import AgentOSCore

public struct Folder: Sendable {
    public let id: FolderID
    public let name: String
    public let agentCount: Int
    public let createdAt: Timestamp
}

/// Folders that agents are filed in.
public final class FolderStore: Sendable {
    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// By name.
    public func list(workspace: Int64, _ page: PageRequest) async throws -> Page<Folder> {
        let above = try page.name()
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT f.id, f.name, f.created_at,
                  (SELECT COUNT(*) FROM agents a WHERE a.folder_key = f.key AND a.deleted_at IS NULL)
                FROM folders f WHERE f.workspace_key = $1 AND f.name > $2 ORDER BY f.name LIMIT $3
                """, [.int(workspace), .text(above)]
            ) { row in
                let folder = Folder(
                    id: FolderID(try row.bits(0)), name: try row.requiredText(1), agentCount: Int(row.int(3) ?? 0),
                    createdAt: Timestamp(microseconds: try row.requiredInt(2)))
                return (folder, ListPlace(.text(folder.name)))
            }
        }
    }

    /// - Throws: NOT_FOUND when the workspace has no such folder.
    public func check(_ id: FolderID, workspace: Int64) async throws {
        let found = try await database.read { connection in
            try connection.int(
                "SELECT 1 FROM folders WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        }
        guard found != nil else { throw AgentOSError.notFound("folder") }
    }

    /// - Throws: CONFLICT when the name is taken.
    public func create(name: String, workspace: Int64) async throws -> FolderID {
        let now = clock.now()
        let id = FolderID.new(at: now)
        try await committer.write(audit: .row("folder", in: "folders", where: "id = $1", [.id(id)])) { connection in
            do {
                try connection.run(
                    "INSERT INTO folders (id, workspace_key, name, created_at) VALUES ($1, $2, $3, $4)",
                    [.id(id), .int(workspace), .text(name), .time(now)])
            } catch StoreError.duplicate {
                throw AgentOSError(.conflict, "There is already a folder named \(name).")
            }
        }
        return id
    }

    /// Its agents stay, in no folder.
    /// - Returns: how many agents were in it.
    /// - Throws: NOT_FOUND
    public func delete(_ id: FolderID, workspace: Int64) async throws -> Int {
        try await committer.write(
            audit: .row("folder", in: "folders", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let key = try connection.int(
                "DELETE FROM folders WHERE id = $1 AND workspace_key = $2 RETURNING key", [.id(id), .int(workspace)])
            guard let key else { throw AgentOSError.notFound("folder") }
            return try connection.run(
                "UPDATE agents SET folder_key = NULL WHERE folder_key = $1 AND deleted_at IS NULL", [.int(key)])
        }
    }
}
