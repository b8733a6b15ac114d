import AgentOSCore
import Synchronization

/// Whether a store can be read and written, cheaply enough to be asked all the time.
public final class StoreHealth: Sendable {
    /// Nanoseconds between two tries to write while nothing can be written.
    private static let pause: UInt64 = 3_000_000_000

    private let database: any Database
    private let committer: GroupCommit
    /// When writing was tried last.
    private let triedAt = Mutex<UInt64?>(nil)

    public init(database: any Database, committer: GroupCommit) {
        self.database = database
        self.committer = committer
    }

    /// What is wrong, as a sentence; nil when nothing is. Others' writes say whether writing works; after one that
    /// failed it is tried here, now and then.
    public func problem() async -> String? {
        do {
            _ = try await database.read { connection in
                try connection.row("SELECT name FROM workspaces ORDER BY key LIMIT 1") { $0.text(0) }
            }
        } catch {
            return "The database cannot be read\((error as? StoreError).map { " (\($0.reason))" } ?? "")."
        }
        if committer.lastFailure != nil, mayTry() {
            // Changes nothing, and is written all the same.
            _ = try? await committer.write { try $0.run("UPDATE schema_migrations SET applied_at = applied_at", []) }
        }
        return committer.lastFailure.map { "The database cannot be written (\($0))." }
    }

    private func mayTry() -> Bool {
        let now = monotonicNanoseconds()
        return triedAt.withLock { last in
            if let last, now - last < Self.pause { return false }
            last = now
            return true
        }
    }
}
