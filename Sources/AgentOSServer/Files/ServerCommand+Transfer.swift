import AgentOSCore
import AgentOSSQLite
import AgentOSStore
import Foundation
import Synchronization

/// What an export or import did.
public struct TransferSummary: Sendable {
    public let workspace: String
    /// What the file holds of a table.
    public struct Table: Sendable {
        public let rows: Int
        /// SHA-256 of the lines.
        public let checksum: String
    }

    public let tables: [String: Table]
    /// Of an import: rows that were stored, were there already, or refer to nothing.
    public var stored = 0
    public var known = 0
    public var orphans = 0
    /// A key of a workspace that the import made, shown this once.
    public var key: String?

    /// By name of the table: `rows` and `sha256`.
    public static func json(_ tables: [String: Table]) -> JSONValue {
        var out = JSONObject()
        for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
            out[name] = ["rows": .int(table.rows), "sha256": .string(table.checksum)]
        }
        return .object(out)
    }
}

extension ServerCommand {
    // MARK: - Export

    /// Writes a workspace to a file of JSON lines; works beside a running server.
    /// - Parameter resume: goes on with a file that was cut off.
    /// - Throws: `StartupError`
    public static func export(
        _ options: ServeOptions, workspace name: String?, to path: String, resume: Bool
    ) async throws -> TransferSummary {
        let database = try await beside(options)
        defer { try? database.close() }
        let workspace = try await workspace(name, in: database)
        let exporter = WorkspaceExporter(database: database, workspace: workspace)
        var (tally, position, keep) = (ExportTally(), WorkspaceExporter.Position(), nil as Int?)
        if resume, FileManager.default.fileExists(atPath: path) {
            (tally, position, keep) = try await rest(of: path, workspace)
        }
        let file = try AppendedFile(path, keep: keep)
        if (keep ?? 0) == 0 { try file.append(exporter.header(now: WallClock.system(offsetSeconds: 0).now())) }
        let kept = Mutex(tally)
        try await exporter.rows(from: position) { lines in
            kept.withLock { $0.add(lines: lines) }
            try file.append(lines)
        }
        let all = kept.withLock { $0 }
        try file.append(all.end)
        try file.flush()
        return TransferSummary(workspace: workspace.slug, tables: all.tables)
    }

    /// What a file that was cut off holds up to its last checkpoint.
    private static func rest(
        of path: String, _ workspace: Workspace
    ) async throws -> (ExportTally, WorkspaceExporter.Position, Int?) {
        var (bytes, safe, isFirst) = (0, 0, true)
        var (tally, safeTally, position) = (ExportTally(), ExportTally(), WorkspaceExporter.Position())
        try await BoundedFile.lines(of: path) { line in
            bytes += line.count + 1
            if isFirst {
                isFirst = false
                guard try header(line, path)["id"]?.stringValue == "\(workspace.ref.id)" else {
                    throw StartupError("\(path) is an export of another workspace.")
                }
                safe = bytes
            } else if let found = WorkspaceExporter.position(line) {
                (position, safe, safeTally) = (found, bytes, tally)
            } else if ExportTally.isEnd(line) {
                throw StartupError("\(path) is complete already.")
            } else {
                tally.add(line)
            }
        }
        guard safe > 0 else {
            // Not even the header is whole. What does not begin like one is no export, and stays as it is.
            let head = try BoundedFile.head(of: path, bytes: headerMark.count)
            guard headerMark.starts(with: head) else { throw StartupError("\(path) is not an export of agentos.") }
            return (ExportTally(), position, 0)
        }
        return (safeTally, position, safe)
    }

    private static let headerMark = Array("{\"agentos_export\":".utf8)

    private static func header(_ line: ArraySlice<UInt8>, _ path: String) throws -> JSONObject {
        guard let value = try? JSONParser.parse(Array(line)), let version = value["agentos_export"]?.intValue,
            let workspace = value["workspace"]?.objectValue
        else { throw StartupError("\(path) is not an export of agentos.") }
        guard version == 1, (value["schema"]?.intValue ?? 0) <= Migrator.newestVersion else {
            throw StartupError("\(path) was written by a newer agentos; install that version.")
        }
        return workspace
    }

    private static func workspace(_ name: String?, in database: SQLiteDatabase) async throws -> Workspace {
        let known = try await WorkspaceStore.all(database)
        let names = known.map(\.slug).joined(separator: ", ")
        guard let name else {
            if let only = known.first, known.count == 1 { return only }
            throw StartupError("Name one of the workspaces with --workspace: \(names).")
        }
        guard let found = known.first(where: { $0.slug == name || "\($0.ref.id)" == name }) else {
            throw StartupError("There is no workspace \(name); there are: \(names).")
        }
        return found
    }

    /// The store of a folder that a server may have open: for reading only.
    static func beside(_ options: ServeOptions) async throws -> SQLiteDatabase {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        guard try DataFolder.holdsStore(configuration.data) else {
            throw StartupError("There is no store in \(configuration.data).")
        }
        let path = URL(fileURLWithPath: configuration.data).standardizedFileURL.path + "/agentos.db"
        do {
            let database = try SQLiteDatabase(path: path, readers: 1, readOnly: true)
            if let obstacle = StoreVersion.obstacle(try await StoreVersion.read(database)) {
                try? database.close()
                throw StartupError(obstacle)
            }
            return database
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        } catch let error as StoreError {
            throw StartupError("Cannot use the database \(path): \(error.reason).")
        }
    }

    // MARK: - Import

    /// Stores an export in a data folder that no server has open; makes the folder when it is missing. The whole file is
    /// checked first. Running it again stores what is missing.
    /// - Parameters:
    ///   - workspace: where to; default: the workspace of the export, made when it is missing.
    ///   - madeKey: told the key of a workspace that is made, as soon as it is stored: whoever cuts the import off and
    ///     runs it again is not told another time.
    /// - Throws: `StartupError`; `AgentOSError` for rows that are not as an export has them.
    public static func importWorkspace(
        _ options: ServeOptions, from path: String, workspace wanted: String?,
        madeKey: @Sendable (String) -> Void = { _ in }
    ) async throws -> TransferSummary {
        let (source, tally, agents) = try await verify(path)
        guard let id = source["id"]?.stringValue.flatMap({ WorkspaceID($0) }), let slug = source["slug"]?.stringValue,
            let name = source["name"]?.stringValue
        else { throw StartupError("\(path) is not an export of agentos.") }
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        let folder = try DataFolder(configuration.data)
        let store = try await Stores.open(folder, configuration)
        defer { try? store.database.close() }
        let target = try await WorkspaceImporter.target(store, id: id, slug: slug, name: name, wanted: wanted)
        let importer = WorkspaceImporter(stores: store, target: target)
        try await importer.check(agents)
        var (outcome, batch, bytes): (WorkspaceImporter.Outcome, [ArraySlice<UInt8>], Int) = (.init(), [], 0)
        try await BoundedFile.lines(of: path) { line in
            guard ExportTally.isRow(line) else { return }
            batch.append(ArraySlice(Array(line)))
            bytes += line.count
            guard bytes > 2 << 20 || batch.count >= 2000 else { return }
            outcome += try await keep(batch, importer, madeKey)
            batch.removeAll(keepingCapacity: true)
            bytes = 0
        }
        outcome += try await keep(batch, importer, madeKey)
        var summary = TransferSummary(workspace: target.slug, tables: tally.tables)
        (summary.stored, summary.known, summary.orphans) = (outcome.stored, outcome.known, outcome.orphans)
        summary.key = importer.newKey
        return summary
    }

    private static func keep(
        _ lines: [ArraySlice<UInt8>], _ importer: WorkspaceImporter, _ madeKey: @Sendable (String) -> Void
    ) async throws -> WorkspaceImporter.Outcome {
        let hadKey = importer.newKey != nil
        let outcome = try await importer.store(lines)
        if !hadKey, let key = importer.newKey { madeKey(key) }
        return outcome
    }

    /// Reads a whole export and compares it with its end.
    /// - Returns: its workspace, its rows counted, and its agents.
    private static func verify(_ path: String) async throws -> (JSONObject, ExportTally, [AgentID]) {
        var (source, isComplete, tally) = (nil as JSONObject?, false, ExportTally())
        var agents: [AgentID] = []
        let excess = StartupError("\(path) is damaged: something follows its end line. Nothing was imported.")
        let whole = try await BoundedFile.lines(of: path) { line in
            if isComplete { throw excess }
            if source == nil {
                source = try header(line, path)
            } else if ExportTally.isEnd(line) {
                try tally.check(against: line, path)
                isComplete = true
            } else {
                tally.add(line)
                if let agent = WorkspaceImporter.agent(line) { agents.append(agent) }
            }
        }
        guard let source else { throw StartupError("\(path) is not an export of agentos.") }
        guard isComplete else {
            throw StartupError("\(path) is not complete; go on with agentos export --resume where it was made.")
        }
        guard whole == BoundedFile.size(of: path) else { throw excess }
        return (source, tally, agents)
    }
}
