import AgentOSCore

/// A text file of a workspace, without its content.
public struct ResourceRecord: Sendable {
    public let id: ResourceID
    public let filename: String
    public let mimeType: String
    public let sizeBytes: Int
    public let createdAt: Timestamp
    public let updatedAt: Timestamp
}

/// Text files that agents of a workspace can read.
public final class ResourceStore: Sendable {
    /// Files of one workspace.
    public static let bound = 10_000
    /// Bytes of one file.
    public static let sizeBound = 10 << 20

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    // MARK: - Writing

    /// Stores a file. A name that is taken gets a number: `a.csv`, `a-2.csv`.
    /// - Throws: VALIDATION_ERROR when the content is too large; CONFLICT when the workspace has as many as it may.
    public func create(
        workspace: Int64, filename: String, mimeType: String, content: String
    ) async throws -> ResourceRecord {
        let stored = Self.storable(content)
        guard stored.count <= Self.sizeBound else {
            throw AgentOSError.invalid("content", "must be at most 10 MB as UTF-8, not \(stored.count) bytes")
        }
        let now = clock.now()
        let id = ResourceID.new(at: now)
        return try await committer.write(
            cost: stored.count + 512, audit: .row("resource", in: "resources", where: "id = $1", [.id(id)])
        ) { connection in
            let count = try connection.int("SELECT COUNT(*) FROM resources WHERE workspace_key = $1", [.int(workspace)])
            guard (count ?? 0) < Int64(Self.bound) else {
                throw AgentOSError(
                    .conflict, "A workspace can have at most \(Self.bound) resources; delete some first.")
            }
            let name = try Self.freeName(filename, workspace, connection)
            try connection.run(
                """
                INSERT INTO resources (id, workspace_key, filename, mime_type, size_bytes, content, created_at,
                  updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
                """,
                [
                    .id(id), .int(workspace), .text(name), .text(mimeType), .int(Int64(stored.count)), .utf8(stored),
                    .time(now),
                ])
            return ResourceRecord(
                id: id, filename: name, mimeType: mimeType, sizeBytes: stored.count, createdAt: now, updatedAt: now)
        }
    }

    /// Engines end a text at a NUL, one place or another; U+FFFD stands in for it.
    private static func storable(_ content: String) -> [UInt8] {
        let bytes = Array(content.utf8)
        guard bytes.contains(0) else { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 64)
        for byte in bytes { if byte == 0 { out += "\u{FFFD}".utf8 } else { out.append(byte) } }
        return out
    }

    /// The name itself, or with the smallest number from 2 on that is free.
    private static func freeName(
        _ filename: String, _ workspace: Int64, _ connection: any SQLConnection
    ) throws -> String {
        let taken = try connection.int(
            "SELECT 1 FROM resources WHERE workspace_key = $1 AND filename = $2", [.int(workspace), .text(filename)])
        guard taken != nil else { return filename }
        let numbered = NumberedFilename(filename)
        // One look-up for all numbers; the bound of files bounds it.
        let used = try connection.rows(
            "SELECT filename FROM resources WHERE workspace_key = $1 AND filename >= $2 AND filename < $3",
            [.int(workspace), .text(numbered.stem + "-"), .text(numbered.stem + ".")]
        ) { Array(try $0.requiredText(0).utf8) }
        let names = Set(used)
        var number = 2
        while names.contains(Array(numbered.name(number).utf8)) { number += 1 }
        return numbered.name(number)
    }

    /// - Throws: NOT_FOUND
    public func delete(workspace: Int64, filename: String) async throws {
        try await committer.write(
            audit: .row(
                "resource", in: "resources", where: "workspace_key = $1 AND filename = $2",
                [.int(workspace), .text(filename)])
        ) { connection in
            let changed = try connection.run(
                "DELETE FROM resources WHERE workspace_key = $1 AND filename = $2", [.int(workspace), .text(filename)])
            guard changed > 0 else { throw AgentOSError(.notFound, "No resource with this filename.") }
        }
    }

    // MARK: - Reading

    private static let columns = "id, filename, mime_type, size_bytes, created_at, updated_at"

    private static func decode(_ row: any SQLRow) throws -> ResourceRecord {
        ResourceRecord(
            id: ResourceID(try row.bits(0)), filename: try row.requiredText(1), mimeType: try row.requiredText(2),
            sizeBytes: Int(try row.requiredInt(3)), createdAt: Timestamp(microseconds: try row.requiredInt(4)),
            updatedAt: Timestamp(microseconds: try row.requiredInt(5)))
    }

    /// In the order of their names.
    public func list(
        workspace: Int64, _ page: PageRequest = PageRequest(limit: ResourceStore.bound)
    ) async throws -> Page<ResourceRecord> {
        let above = try page.name()
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT \(Self.columns) FROM resources WHERE workspace_key = $1 AND filename > $2
                ORDER BY filename LIMIT $3
                """, [.int(workspace), .text(above)]
            ) { row in
                let resource = try Self.decode(row)
                return (resource, ListPlace(.text(resource.filename)))
            }
        }
    }

    /// A file by its name, else by its id, with at most so many characters of it. Nil when there is none.
    public func read(
        _ reference: String, workspace: Int64, characters: Int
    ) async throws -> (record: ResourceRecord, content: String)? {
        try await database.read { connection in
            try Self.find(reference, workspace, characters: characters, connection)
        }
    }

    /// Several files in one snapshot, all together with at most so many characters: once that many were read, the
    /// others come without content. An element is nil where there is no such file.
    public func read(
        _ references: [String], workspace: Int64, characters: Int
    ) async throws -> [(record: ResourceRecord, content: String)?] {
        try await database.read { connection in
            var left = characters
            return try references.map { reference -> (record: ResourceRecord, content: String)? in
                let found = try Self.find(reference, workspace, characters: max(0, left), connection)
                left -= found?.content.unicodeScalars.count ?? 0
                return found
            }
        }
    }

    private static func find(
        _ reference: String, _ workspace: Int64, characters: Int, _ connection: any SQLConnection
    ) throws -> (record: ResourceRecord, content: String)? {
        try connection.row(
            """
            SELECT \(columns), substr(content, 1, $4) FROM resources
            WHERE workspace_key = $1 AND (filename = $2 OR id = $3)
            ORDER BY CASE WHEN filename = $2 THEN 0 ELSE 1 END LIMIT 1
            """,
            [
                .int(workspace), .text(reference), ResourceID(reference).map { .id($0) } ?? .null,
                .int(Int64(characters)),
            ]
        ) { (try decode($0), try $0.requiredText(6)) }
    }
}
