import AgentOSCore

/// Keeps the index of words in step with the runs: an ended run is queued in its transaction and indexed a little later,
/// in slices that don't hold up whoever else writes.
public final class RunSearchIndexer: RunChangeListener {
    /// Runs indexed in one transaction.
    private static let slice = 100

    private let database: any Database
    private let committer: GroupCommit

    init(database: any Database, committer: GroupCommit) {
        self.database = database
        self.committer = committer
    }

    public func changed(_ change: RunChange, _ connection: any SQLConnection) throws {
        guard case .ended = change.kind else { return }
        try connection.run(
            "INSERT INTO search_queue (run_key) VALUES ($1) ON CONFLICT (run_key) DO NOTHING", [.int(change.run.key)])
    }

    /// Indexes one slice. Returns false when nothing is left to do.
    public func step() async throws -> Bool {
        let documents = try await database.read { connection in
            try connection.rows(
                """
                SELECT q.run_key, \(RunDocument.columns) FROM search_queue q LEFT JOIN runs r ON r.key = q.run_key
                LEFT JOIN run_counters c ON c.run_key = q.run_key ORDER BY q.run_key LIMIT \(Self.slice)
                """
            ) { row -> (Int64, RunDocument?) in
                // A run can be purged while it waits here.
                (try row.requiredInt(0), row.int(4) == nil ? nil : try RunDocument(row, from: 1))
            }
        }
        guard !documents.isEmpty else { return false }
        try await committer.write(cost: documents.reduce(0) { $0 + ($1.1?.body.utf8.count ?? 0) + 64 }) { connection in
            for (run, document) in documents {
                let queued = try connection.run("DELETE FROM search_queue WHERE run_key = $1", [.int(run)])
                try Self.remove(run, connection)
                guard queued > 0, let document else { continue }
                try connection.run(
                    "INSERT INTO run_search (rowid, body, keys) VALUES ($1, $2, $3)",
                    [.int(run), .text(document.body), .text(document.keys)])
            }
        }
        return documents.count == Self.slice
    }

    /// Takes a run out of the index. Part of deleting it.
    static func remove(_ run: Int64, _ connection: any SQLConnection) throws {
        try connection.run("DELETE FROM run_search WHERE rowid = $1", [.int(run)])
    }
}
