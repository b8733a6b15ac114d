import AgentOSCore

/// Writes a workspace as lines of JSON, page by page, each in a short read of its own: works beside a server.
///
/// A header line, the rows, a line `{"checkpoint":…}` after each page, from which an export that was cut off goes on, and
/// `{"end":…}` with the number of rows of each table and the SHA-256 of all lines that are rows.
public struct WorkspaceExporter: Sendable {
    /// Where an export goes on.
    public struct Position: Sendable, Equatable {
        /// Index of the table.
        var table = 0
        var after: Int64 = 0

        public init() {}
    }

    /// Receives pieces of whole lines.
    public typealias Sink = @Sendable (_ lines: [UInt8]) throws -> Void

    static let version = 1
    /// Parents in a page, and bytes after which a piece is handed over.
    private static let pageRows: Int64 = 200
    private static let pieceBytes = 256 << 10

    private let database: any Database
    private let workspace: Workspace

    public init(database: any Database, workspace: Workspace) {
        self.database = database
        self.workspace = workspace
    }

    public func header(now: Timestamp) -> [UInt8] {
        let header: JSONValue = [
            "agentos_export": .int(Self.version), "schema": .int(Migrator.newestVersion),
            "workspace": [
                "id": .string("\(workspace.ref.id)"), "slug": .string(workspace.slug), "name": .string(workspace.name),
            ], "exported_at": .time(now),
        ]
        return header.encoded + [0x0a]
    }

    /// Writes the rows after a position, up to the last table's last.
    public func rows(from start: Position, to sink: @escaping Sink) async throws {
        var position = start
        while position.table < ExportTable.all.count {
            let (table, after) = (ExportTable.all[position.table], position.after)
            let isOwn: Bool
            switch table.parent {
            case .row: isOwn = false
            default: isOwn = true
            }
            let next = isOwn ? try await database.read { try page(of: table, after: after, $0, sink) } : nil
            if let next {
                position.after = next
            } else {
                position.table += 1
                position.after = 0
                if !isOwn { continue }
            }
            try sink(checkpoint(position))
        }
    }

    private func checkpoint(_ position: Position) -> [UInt8] {
        let line: JSONValue = ["checkpoint": ["table": .int(position.table), "after": .int(position.after)]]
        return line.encoded + [0x0a]
    }

    /// The position that a checkpoint line names; nil for other lines.
    public static func position(_ line: ArraySlice<UInt8>) -> Position? {
        guard line.starts(with: Array("{\"checkpoint\":".utf8)), let value = try? JSONParser.parse(Array(line)),
            let table = value["checkpoint"]?["table"]?.intValue, let after = value["checkpoint"]?["after"]?.intValue
        else { return nil }
        var position = Position()
        position.table = max(0, table)
        position.after = Int64(after)
        return position
    }

    // MARK: - Pages

    /// Lines of a read, handed over in pieces so that a long log is never held whole.
    private final class Lines {
        var out = JSONWriter(capacity: pieceBytes)
        let sink: Sink

        init(_ sink: @escaping Sink) { self.sink = sink }

        func flush(always: Bool = false) throws {
            guard always || out.bytes.count >= pieceBytes else { return }
            if !out.bytes.isEmpty { try sink(out.bytes) }
            out = JSONWriter(capacity: pieceBytes)
        }
    }

    /// - Returns: the key after which the next page begins; nil when this was the last.
    private func page(
        of table: ExportTable, after: Int64, _ connection: any SQLConnection, _ sink: @escaping Sink
    ) throws -> Int64? {
        let lines = Lines(sink)
        let owner: String
        switch table.parent {
        case .whole(let order):
            try connection.each(
                "SELECT \(table.selection) FROM \(table.name) t WHERE t.workspace_key = $1 ORDER BY \(order)",
                [.int(workspace.ref.key)]
            ) { row in
                try ExportedRow.write(row, of: table, to: &lines.out)
                return true
            }
            try lines.flush(always: true)
            return nil
        case .members: owner = "users t JOIN members m ON m.user_key = t.key"
        case .later(let parent, _, _): owner = "\(parent) t"
        default: owner = "\(table.name) t"
        }
        let place = if case .members = table.parent { "m.workspace_key" } else { "t.workspace_key" }
        let keys = try connection.rows(
            """
            SELECT t.key FROM \(owner) WHERE \(table.condition)\(place) = $1 AND t.key > $2 ORDER BY t.key LIMIT \(Self.pageRows)
            """, [.int(workspace.ref.key), .int(after)]
        ) { try $0.requiredInt(0) }
        let children = ExportTable.all.filter { child in
            if case .row(let parent, _, _) = child.parent { parent == table.name } else { false }
        }
        for key in keys {
            if case .later(_, let column, let order) = table.parent {
                try write(table, where: column, order, key, connection, lines)
                continue
            }
            try write(table, where: "key", "key", key, connection, lines)
            for child in children {
                guard case .row(_, let column, let order) = child.parent else { continue }
                if child.name == "event_chunks" {
                    try writeChunks(key, connection, lines)
                } else {
                    try write(child, where: column, order, key, connection, lines)
                }
            }
        }
        try lines.flush(always: true)
        return keys.count == Int(Self.pageRows) ? keys.last : nil
    }

    private func write(
        _ table: ExportTable, where column: String, _ order: String, _ key: Int64, _ connection: any SQLConnection,
        _ lines: Lines
    ) throws {
        try connection.each(
            "SELECT \(table.selection) FROM \(table.name) t WHERE t.\(column) = $1 ORDER BY \(order)", [.int(key)]
        ) { row in
            try ExportedRow.write(row, of: table, to: &lines.out)
            try lines.flush()
            return true
        }
    }

    private func writeChunks(_ run: Int64, _ connection: any SQLConnection, _ lines: Lines) throws {
        let id = try connection.row("SELECT id FROM runs WHERE key = $1", [.int(run)]) { try $0.bits(0) }
        guard let id else { return }
        try connection.each(
            "SELECT \(ExportedChunk.columns) FROM event_chunks WHERE run_key = $1 ORDER BY first_seq", [.int(run)]
        ) { row in
            try ExportedChunk.write(row, run: id, to: &lines.out)
            try lines.flush()
            return true
        }
    }
}
