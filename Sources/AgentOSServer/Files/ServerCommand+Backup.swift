import AgentOSCore
import AgentOSSQLite
import AgentOSStore
import Foundation

/// What `agentos restore` did.
public struct RestoreSummary: Sendable {
    /// Whether the folder has a master key.
    public let hasMasterKey: Bool
    /// Where the database that was there before is now.
    public let aside: String?
}

extension ServerCommand {
    /// Copies the whole store, as it is at one moment, into a new file, and its SHA-256 into `<file>.sha256`; works
    /// beside a running server. Neither the master key nor the first credentials are part of it.
    /// - Returns: size and checksum.
    /// - Throws: `StartupError`
    public static func backup(_ options: ServeOptions, to path: String) async throws -> (bytes: Int, checksum: String) {
        guard !FileManager.default.fileExists(atPath: path) else { throw StartupError("\(path) is there already.") }
        let database = try await beside(options)
        defer { try? database.close() }
        let partial = path + ".partial"
        try? FileManager.default.removeItem(atPath: partial)
        do {
            // Before any byte of the store is in it; the engine takes an empty file for a new one.
            try BoundedFile.create(partial)
            try await database.copy(to: partial)
            try checkStore(partial)
            let checksum = try BoundedFile.checksum(of: partial)
            try BoundedFile.flush(partial)
            let name = URL(fileURLWithPath: path).lastPathComponent
            unlink(path + ".sha256")
            try AppendedFile(path + ".sha256", keep: nil).append(Array("\(checksum)  \(name)\n".utf8))
            try BoundedFile.flush(path + ".sha256")
            guard rename(partial, path) == 0 else {
                throw StartupError("Cannot write \(path): \(String(cString: strerror(errno))).")
            }
            try BoundedFile.flush(path)
            return (BoundedFile.size(of: path), checksum)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw (error as? AgentOSError).map { StartupError($0.message) } ?? error
        }
    }

    /// Puts a backup into a data folder that no server has open. The file is compared with its `.sha256` first.
    /// - Parameter replace: moves a store that is there aside, to `agentos.db.before-restore-` and the time.
    /// - Throws: `StartupError`
    public static func restore(
        _ options: ServeOptions, from path: String, replace: Bool
    ) async throws -> RestoreSummary {
        let configuration = try ServerConfiguration.load(options, environment: ProcessInfo.processInfo.environment)
        guard let text = FileManager.default.contents(atPath: path + ".sha256") else {
            throw StartupError("Cannot read \(path).sha256, which says what the backup has to be.")
        }
        let wanted = String(decoding: text, as: UTF8.self).prefix { !$0.isWhitespace }
        guard try BoundedFile.checksum(of: path) == wanted else {
            throw StartupError("\(path) is damaged: its checksum is not that of \(path).sha256. Nothing was changed.")
        }
        let hadStore = try DataFolder.holdsStore(configuration.data)
        guard replace || !hadStore else {
            throw StartupError("There is a store in \(configuration.data); --replace moves it aside first.")
        }
        let folder = try DataFolder(configuration.data)
        let partial = folder.database + ".partial"
        try? FileManager.default.removeItem(atPath: partial)
        // After a restore that was refused; one that was done has renamed it.
        defer { try? FileManager.default.removeItem(atPath: partial) }
        try BoundedFile.copy(path, to: partial)
        guard try BoundedFile.checksum(of: partial) == wanted else {
            throw StartupError("The copy of \(path) is not what was read; look after the disk. Nothing was changed.")
        }
        do {
            try checkStore(partial)
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        }
        try BoundedFile.flush(partial)
        let aside = try StoreFiles.there(folder.database)?.moveAside(now: WallClock.system(offsetSeconds: 0).now())
        guard rename(partial, folder.database) == 0 else {
            let reason = String(cString: strerror(errno))
            aside?.moveBack(to: folder.database)
            throw StartupError("Cannot write \(folder.database): \(reason).")
        }
        chmod(folder.database, 0o600)
        try BoundedFile.flush(folder.database)
        return RestoreSummary(
            hasMasterKey: configuration.masterKey != nil || FileManager.default.fileExists(atPath: folder.masterKey),
            aside: aside?.database)
    }

    /// - Throws: `StartupError` for what is damaged or no store of a server; `AgentOSError` for what is no database.
    private static func checkStore(_ path: String) throws {
        let problems = try SQLiteDatabase.problems(ofFile: path)
        guard problems.isEmpty else {
            throw StartupError("The database is damaged: \(problems.prefix(3).joined(separator: "; ")).")
        }
        let isStore = try SQLiteDatabase.inspect(file: path) { connection in
            let tables = try connection.int(
                """
                SELECT COUNT(*) FROM sqlite_master
                WHERE type = 'table' AND name IN ('schema_migrations', 'workspaces')
                """)
            guard tables == 2 else { return false }
            let parts = "EXISTS (SELECT 1 FROM schema_migrations) AND EXISTS (SELECT 1 FROM workspaces)"
            return try connection.int("SELECT \(parts)") == 1
        }
        guard isStore else { throw StartupError("The database is no store of agentos: it holds no workspace.") }
    }
}
