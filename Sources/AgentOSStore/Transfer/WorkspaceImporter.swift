import AgentOSCore

/// Stores the rows of an export. Rows that are there already are left as they are, so that an import that was cut off is
/// simply run again.
public final class WorkspaceImporter: Sendable {
    /// What came of some rows.
    public struct Outcome: Sendable {
        public var stored = 0
        /// Were there already.
        public var known = 0
        /// Refer to something that is not in the export.
        public var orphans = 0

        public init() {}

        public static func += (left: inout Outcome, right: Outcome) {
            left.stored += right.stored
            left.known += right.known
            left.orphans += right.orphans
        }
    }

    /// A row ready to be stored: parsed, and compressed where it is events.
    private struct Prepared: Sendable {
        let table: String
        let sql: String
        let arguments: [SQLValue]
    }

    private static let chunkMark = Array("{\"table\":\"event_chunks\"".utf8)
    private static let sql = ExportTable.byName.mapValues { $0.columns.isEmpty ? "" : $0.insertion }

    private let stores: Stores
    private let workspace: WorkspaceRef

    public init(stores: Stores, workspace: WorkspaceRef) {
        self.stores = stores
        self.workspace = workspace
    }

    /// Stores some lines in one transaction.
    /// - Throws: VALIDATION_ERROR naming what is not as an export has it; CONFLICT when an agent of the export is in another
    ///   workspace of this store.
    public func store(_ lines: [ArraySlice<UInt8>]) async throws -> Outcome {
        let rows = try lines.map(prepare)
        let (workspace, now) = (workspace, stores.clock.now())
        return try await stores.committer.write(cost: lines.reduce(0) { $0 + $1.count }) { connection in
            var outcome = Outcome()
            for row in rows {
                do {
                    if try connection.run(row.sql, row.arguments) > 0 {
                        outcome.stored += 1
                        if row.table == "runs" { try Self.settle(row.arguments[0], now: now, connection) }
                    } else {
                        outcome.known += 1
                        if row.table == "agents" { try Self.check(row.arguments[0], in: workspace, connection) }
                    }
                } catch StoreError.engine(code: 1299, _) {
                    outcome.orphans += 1
                }
            }
            return outcome
        }
    }

    private func prepare(_ line: ArraySlice<UInt8>) throws -> Prepared {
        if line.starts(with: Self.chunkMark) {
            return Prepared(
                table: "event_chunks", sql: ExportedChunk.insertion, arguments: try ExportedChunk.arguments(line))
        }
        let value = try JSONParser.parse(Array(line))
        guard let name = value["table"]?.stringValue, let row = value["row"]?.objectValue else {
            throw AgentOSError.invalid("table", "is missing: this is not a row of an export")
        }
        guard let table = ExportTable.byName[name], let sql = Self.sql[name] else {
            throw AgentOSError.invalid("table", "\(name.prefix(60)) is not a table of an export")
        }
        var fields = row
        // The old server may still be running: schedules must not fire twice.
        if name == "schedules" { fields["enabled"] = 0 }
        var arguments = try ExportedRow.arguments(fields, of: table)
        if table.hasWorkspace { arguments.append(.int(workspace.key)) }
        return Prepared(table: name, sql: sql, arguments: arguments)
    }

    /// A hosted run that was under way goes on where it was exported, not here as well. An ended one is to be found again.
    private static func settle(_ id: SQLValue, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.run(
            """
            UPDATE runs SET status = 'cancelled', cancel_reason = 'It was under way when it was exported.',
              completed_at = MAX($2, started_at), duration_ms = MAX(0, ($2 - started_at) / 1000)
            WHERE id = $1 AND hosted = 1 AND completed_at IS NULL
            """, [id, .time(now)])
        try connection.run(
            """
            INSERT INTO search_queue (run_key) SELECT key FROM runs WHERE id = $1 AND completed_at IS NOT NULL
            ON CONFLICT DO NOTHING
            """, [id])
    }

    private static func check(
        _ id: SQLValue, in workspace: WorkspaceRef, _ connection: any SQLConnection
    ) throws {
        let place = try connection.int("SELECT workspace_key FROM agents WHERE id = $1", [id])
        guard place == workspace.key else {
            throw AgentOSError(
                .conflict, "An agent of this export is in another workspace of this server; ids are not given twice.")
        }
    }

    /// The workspace that an import goes to: the named one, or the export's own, made when it is missing.
    /// - Returns: it, and whether it is new.
    public static func target(
        _ stores: Stores, id: WorkspaceID, slug: String, name: String, wanted: String?
    ) async throws -> (workspace: Workspace, isNew: Bool) {
        if let wanted {
            if let known = try await stores.workspaces.workspace(named: wanted) { return (known, false) }
        } else if let known = try await stores.workspaces.workspace(named: "\(id)") {
            return (known, false)
        }
        let (slug, now) = (wanted ?? slug, stores.clock.now())
        let isFree = try await stores.workspaces.workspace(named: slug) == nil
        guard isFree else {
            throw AgentOSError(
                .conflict, "There is another workspace with the slug \(slug) here; name one to import into.")
        }
        let taken = try await stores.database.read {
            try $0.int("SELECT 1 FROM workspaces WHERE id = $1", [.id(id)]) != nil
        }
        let own = taken || wanted != nil ? WorkspaceID.new(at: now) : id
        try await stores.committer.write { connection in
            try connection.run(
                "INSERT INTO workspaces (id, slug, name, created_at) VALUES ($1, $2, $3, $4)",
                [.id(own), .text(slug), .text(name), .time(now)])
        }
        guard let made = try await stores.workspaces.workspace(named: slug) else {
            throw StoreError.damaged("a new workspace")
        }
        return (made, true)
    }
}
