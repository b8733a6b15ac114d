import AgentOSCore
import Synchronization

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

    /// Where an import goes: to a workspace that is there, or to one that comes with its first rows.
    public enum Target: Sendable {
        case known(Workspace)
        case new(id: WorkspaceID, slug: String, name: String)

        public var slug: String {
            switch self {
            case .known(let workspace): workspace.slug
            case .new(_, let slug, _): slug
            }
        }
    }

    /// A row ready to be stored: parsed, and compressed where it is events.
    private struct Prepared: Sendable {
        let table: String
        let sql: String
        /// Without the workspace.
        let arguments: [SQLValue]
        let hasWorkspace: Bool
    }

    private static let agentMark = Array("{\"table\":\"agents\"".utf8)
    private static let chunkMark = Array("{\"table\":\"event_chunks\"".utf8)
    private static let sql = ExportTable.byName.mapValues { $0.columns.isEmpty ? "" : $0.insertion }

    private let stores: Stores
    private let target: Target
    /// Known, or made by now.
    private let place: Mutex<WorkspaceRef?>
    private let key = GeneratedKey(.workspace)

    public init(stores: Stores, target: Target) {
        self.stores = stores
        self.target = target
        var known: WorkspaceRef?
        if case .known(let workspace) = target { known = workspace.ref }
        place = Mutex(known)
    }

    /// A key of the workspace that the import made; nil when it made none.
    public var newKey: String? {
        guard case .new = target, place.withLock({ $0 != nil }) else { return nil }
        return key.text
    }

    /// The agent that a line is about; nil for other lines.
    public static func agent(_ line: ArraySlice<UInt8>) -> AgentID? {
        guard line.starts(with: agentMark), let value = try? JSONParser.parse(Array(line)) else { return nil }
        return value["row"]?["id"]?.stringValue.flatMap { AgentID($0) }
    }

    private static let elsewhere = AgentOSError(
        .conflict, "An agent of this export is in another workspace of this server; ids are not given twice.")

    /// Asked before anything is stored.
    /// - Throws: CONFLICT when an agent of the export is in another workspace of this store.
    public func check(_ agents: [AgentID]) async throws {
        let known = place.withLock { $0?.key }
        let isElsewhere = try await stores.database.read { connection in
            try agents.contains { agent in
                let place = try connection.int("SELECT workspace_key FROM agents WHERE id = $1", [.id(agent)])
                return place != nil && place != known
            }
        }
        if isElsewhere { throw Self.elsewhere }
    }

    /// Stores some lines in one transaction; the first ones with the workspace, when it is to be made. No lines at all
    /// make it too.
    /// - Throws: VALIDATION_ERROR naming what is not as an export has it; CONFLICT when an agent of the export is in another
    ///   workspace of this store, or the slug has been taken.
    public func store(_ lines: [ArraySlice<UInt8>]) async throws -> Outcome {
        let rows = try lines.map(Self.prepare)
        let (known, target, key, now) = (place.withLock { $0 }, target, key, stores.clock.now())
        let (outcome, workspace) = try await stores.committer.write(cost: lines.reduce(0) { $0 + $1.count }) {
            connection in
            let workspace = try known ?? Self.make(target, key, now: now, connection)
            var outcome = Outcome()
            for row in rows {
                do {
                    let arguments = row.arguments + (row.hasWorkspace ? [.int(workspace.key)] : [])
                    if try connection.run(row.sql, arguments) > 0 {
                        outcome.stored += 1
                        try Self.settle(row, in: workspace, now: now, connection)
                    } else {
                        outcome.known += 1
                        try Self.meet(row, in: workspace, connection)
                    }
                } catch StoreError.engine(code: 1299, _) {
                    outcome.orphans += 1
                }
            }
            return (outcome, workspace)
        }
        place.withLock { $0 = workspace }
        return outcome
    }

    private static func make(
        _ target: Target, _ key: GeneratedKey, now: Timestamp, _ connection: any SQLConnection
    ) throws -> WorkspaceRef {
        guard case .new(let id, let slug, let name) = target else { throw StoreError.damaged("a workspace") }
        let made: Int64?
        do {
            made = try connection.row(
                "INSERT INTO workspaces (id, slug, name, created_at) VALUES ($1, $2, $3, $4) RETURNING key",
                [.id(id), .text(slug), .text(name), .time(now)]
            ) { try $0.requiredInt(0) }
        } catch StoreError.duplicate {
            throw AgentOSError(.conflict, "There is another workspace with the slug \(slug) here by now.")
        }
        guard let made else { throw StoreError.damaged("a new workspace") }
        _ = try KeyStore.insert(key, name: "Made by import", workspace: made, now: now, connection)
        return WorkspaceRef(key: made, id: id)
    }

    private static func prepare(_ line: ArraySlice<UInt8>) throws -> Prepared {
        if line.starts(with: chunkMark) {
            return Prepared(
                table: "event_chunks", sql: ExportedChunk.insertion, arguments: try ExportedChunk.arguments(line),
                hasWorkspace: false)
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
        return Prepared(
            table: name, sql: sql, arguments: try ExportedRow.arguments(fields, of: table),
            hasWorkspace: table.hasWorkspace)
    }

    /// What follows from a row that was stored.
    private static func settle(
        _ row: Prepared, in workspace: WorkspaceRef, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let id = row.arguments.first ?? .null
        switch row.table {
        case "runs": try settle(run: id, now: now, connection)
        // Nobody waits any more for what a run asked that is over; it has come before its questions.
        case "approvals":
            try connection.run(
                """
                UPDATE approvals SET status = 'cancelled', decided_at = $2 WHERE id = $1 AND status = 'pending'
                  AND run_key IN (SELECT key FROM runs WHERE completed_at IS NOT NULL)
                """, [id, .time(now)])
        case "human_requests":
            try connection.run(
                """
                UPDATE human_requests SET status = 'cancelled', closed_at = $2 WHERE id = $1 AND status = 'pending'
                  AND run_key IN (SELECT key FROM runs WHERE completed_at IS NOT NULL)
                """, [id, .time(now)])
        case "eval_runs":
            try connection.run(
                """
                UPDATE eval_runs SET status = 'error', error_message = 'It was under way when it was exported.',
                  completed_at = $2 WHERE id = $1 AND completed_at IS NULL
                """, [id, .time(now)])
        // Only this one is to be looked at although no run ends.
        case "alert_rules":
            let rule = try connection.int(
                "SELECT key FROM alert_rules WHERE id = $1 AND active = 1 AND condition_type = 'no_runs'", [id])
            if let rule { try AlertStore.arm(rule, at: now.advanced(bySeconds: 60), now: now, connection) }
        case "retention_settings": try RetentionStore.adopt(settingsOf: workspace.key, now: now, connection)
        case "report_schedules": try ReportStore.adoptSchedule(of: workspace.key, now: now, connection)
        default: break
        }
    }

    /// A hosted run that was under way goes on where it was exported, not here as well. An ended one is to be found again.
    private static func settle(run id: SQLValue, now: Timestamp, _ connection: any SQLConnection) throws {
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

    /// What follows from a row that was there already.
    private static func meet(
        _ row: Prepared, in workspace: WorkspaceRef, _ connection: any SQLConnection
    ) throws {
        switch row.table {
        case "agents":
            let place = try connection.int(
                "SELECT workspace_key FROM agents WHERE id = $1", [row.arguments.first ?? .null])
            guard place == workspace.key else { throw elsewhere }
        case "retention_settings":
            // The days of which runs are gone are those of both stores.
            guard let index = ExportTable.byName[row.table]?.columns.firstIndex(where: { $0.name == "runs_gone_until" })
            else { return }
            try connection.run(
                """
                UPDATE retention_settings SET runs_gone_until = MAX(COALESCE(runs_gone_until, $2), $2)
                WHERE workspace_key = $1 AND $2 IS NOT NULL
                """, [.int(workspace.key), row.arguments[index]])
        default: break
        }
    }

    /// The workspace that an import goes to: the named one, or the export's own, which may have to be made.
    ///
    /// What was deleted and still waits for its removal is removed first: its rows, which nobody sees, would be taken
    /// for ones that are there.
    /// - Throws: CONFLICT when another workspace has the slug that it would get.
    public static func target(
        _ stores: Stores, id: WorkspaceID, slug: String, name: String, wanted: String?
    ) async throws -> Target {
        let purge = Purge(database: stores.database, committer: stores.committer)
        while try await purge.step() { try Task.checkCancellation() }
        if let wanted {
            if let known = try await stores.workspaces.workspace(named: wanted) { return .known(known) }
        } else if let known = try await stores.workspaces.workspace(named: "\(id)") {
            return .known(known)
        }
        let slug = wanted ?? slug
        let isFree = try await stores.workspaces.workspace(named: slug) == nil
        guard isFree else {
            throw AgentOSError(
                .conflict, "There is another workspace with the slug \(slug) here; name one to import into.")
        }
        let taken = try await stores.database.read {
            try $0.int("SELECT 1 FROM workspaces WHERE id = $1", [.id(id)]) != nil
        }
        return .new(
            id: taken || wanted != nil ? WorkspaceID.new(at: stores.clock.now()) : id, slug: slug, name: name)
    }
}
