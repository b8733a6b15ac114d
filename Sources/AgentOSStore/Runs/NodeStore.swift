import AgentOSCore

/// The processes that execute runs. A run belongs to the node that claimed it for as long as the node's lease lasts; a
/// node renews its lease, not those of its runs.
public final class NodeStore: Sendable {
    /// Seconds a lease lasts, and after which it is renewed.
    public static let leaseSeconds = 20.0
    public static let renewSeconds = 5.0

    private let committer: GroupCommit
    private let clock: WallClock

    public init(committer: GroupCommit, clock: WallClock) {
        self.committer = committer
        self.clock = clock
    }

    /// Registers this process.
    /// - Parameter exclusive: no other process can have the store open, so every other node is gone.
    /// - Returns: the node's key.
    public func register(exclusive: Bool) async throws -> Int64 {
        let now = clock.now()
        return try await committer.write { connection in
            let until = now.advanced(bySeconds: Self.leaseSeconds)
            if exclusive { try connection.run("UPDATE nodes SET lease_until = 0", []) }
            try connection.run(
                """
                DELETE FROM nodes WHERE lease_until < $1 AND key NOT IN (
                  SELECT node_key FROM runs WHERE hosted = 1 AND status = 'running' AND node_key IS NOT NULL)
                """, [.time(now)])
            let key = try connection.row(
                "INSERT INTO nodes (id, started_at, lease_until) VALUES ($1, $2, $3) RETURNING key",
                [.id(NodeID.new(at: now)), .time(now), .time(until)]
            ) { try $0.requiredInt(0) }
            guard let key else { throw StoreError.damaged("a new node") }
            return key
        }
    }

    public func renew(_ node: Int64) async throws {
        let until = clock.now().advanced(bySeconds: Self.leaseSeconds)
        try await committer.write { connection in
            try connection.run("UPDATE nodes SET lease_until = $2 WHERE key = $1", [.int(node), .time(until)])
        }
    }

    /// Lets go of everything at once: others may take over now.
    public func retire(_ node: Int64) async throws {
        _ = try await committer.write { connection in
            try connection.run("UPDATE nodes SET lease_until = 0 WHERE key = $1", [.int(node)])
        }
    }

    /// Has the runs of nodes whose lease ran out resumed, each by a job. Returns how many there were.
    public func releaseAbandoned() async throws -> Int {
        let now = clock.now()
        return try await committer.write { connection in
            let left = try connection.rows(
                """
                SELECT key FROM runs WHERE hosted = 1 AND status = 'running' AND (node_key IS NULL
                  OR node_key NOT IN (SELECT key FROM nodes WHERE lease_until > $1))
                  AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = '\(HostedRunStore.resumeJob)'
                    AND name = CAST(runs.key AS \(connection.dialect.text)))
                ORDER BY node_key, key LIMIT 1000
                """, [.time(now)]
            ) { try $0.requiredInt(0) }
            for key in left { try HostedRunStore.enqueueResume(key, now: now, connection) }
            return left.count
        }
    }

    /// Keys of the runs that are this node's.
    public func runs(of node: Int64, in database: any Database) async throws -> Set<Int64> {
        try await database.read { connection in
            Set(
                try connection.rows(
                    "SELECT key FROM runs WHERE hosted = 1 AND status = 'running' AND node_key = $1", [.int(node)]
                ) { try $0.requiredInt(0) })
        }
    }

    /// Lets go of runs that are this node's on record but that it does not execute; they are taken up again.
    public func letGo(of runs: Set<Int64>, node: Int64) async throws {
        let now = clock.now()
        try await committer.write { connection in
            for run in runs.sorted().prefix(500) {
                let changed = try connection.run(
                    "UPDATE runs SET node_key = NULL WHERE key = $1 AND node_key = $2 AND status = 'running'",
                    [.int(run), .int(node)])
                if changed > 0 { try HostedRunStore.enqueueResume(run, now: now, connection) }
            }
        }
    }
}
