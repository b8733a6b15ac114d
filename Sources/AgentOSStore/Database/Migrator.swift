import AgentOSCore

/// One numbered step of the schema. Once shipped, never edited.
public struct Migration: Sendable {
    public let version: Int
    public let name: String
    public let statements: @Sendable (Dialect) -> [String]
}

/// Brings a store's schema to this binary's version, in order, each step with its number in one transaction.
public enum Migrator {
    public static let migrations: [Migration] = [
        .initial, .durableRuntime, .controlPlane, .automation, .visibleJobs, .retention,
        .moreAutomation, .placesOfJobs, .orderOfDeliveries, .searchedExternalIDs, .lastingKeys,
    ]

    public static var newestVersion: Int { migrations.last?.version ?? 0 }

    /// - Throws: `AgentOSError` CONFLICT when the store was written by a newer binary.
    public static func migrate(_ database: any Database, now: Timestamp) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            database.withWriter { writer in
                continuation.resume(with: Result { try migrate(writer, now: now) })
            }
        }
    }

    private static func migrate(_ writer: any SQLWriter, now: Timestamp) throws {
        try writer.run(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
              version \(writer.dialect.integerKey), name \(writer.dialect.text) NOT NULL,
              applied_at \(writer.dialect.integer) NOT NULL)
            """, [])
        let current = Int(try writer.int("SELECT COALESCE(MAX(version), 0) FROM schema_migrations") ?? 0)
        guard current <= newestVersion else {
            throw AgentOSError(
                .conflict,
                "The database is at schema version \(current), but this binary knows only \(newestVersion): "
                    + "it was written by a newer agentos. Install that version or restore an older backup.")
        }
        for migration in migrations where migration.version > current {
            try writer.begin()
            do {
                for statement in migration.statements(writer.dialect) { try writer.run(statement, []) }
                try writer.run(
                    "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
                    [.int(Int64(migration.version)), .text(migration.name), .time(now)])
                try writer.commit()
            } catch {
                writer.rollback()
                throw error
            }
        }
    }
}
