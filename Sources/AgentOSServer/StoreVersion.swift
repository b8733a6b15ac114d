import AgentOSSQLite
import AgentOSStore

/// How the schema of a store that is only looked at compares with this binary's.
enum StoreVersion {
    static func read(_ database: SQLiteDatabase) async throws -> Int {
        Int(try await database.read { try $0.int("SELECT MAX(version) FROM schema_migrations") } ?? 0)
    }

    static func isNewer(_ version: Int) -> Bool { version > Migrator.newestVersion }

    /// Why a store cannot be read as it is; nil when it can.
    static func obstacle(_ version: Int) -> String? {
        if version == Migrator.newestVersion { return nil }
        let versions = "its schema is at version \(version), this binary knows \(Migrator.newestVersion)"
        return isNewer(version)
            ? "The store is newer than this binary: \(versions). Install the agentos that wrote it."
            : "The store is older than this binary: \(versions). Start its server with this version first."
    }
}
