import AgentOSCore

/// Removes the rows of deleted agents in bounded slices, so that ingest never waits for a large deletion.
public final class Purge: Sendable {
    private static let slice = 200

    private let database: any Database
    private let committer: GroupCommit

    public init(database: any Database, committer: GroupCommit) {
        self.database = database
        self.committer = committer
    }

    /// Removes one slice. Returns false when nothing is left to remove.
    public func step() async throws -> Bool {
        let agent = try await database.read {
            try $0.int("SELECT key FROM agents WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1")
        }
        guard let agent else { return false }
        try await committer.write(cost: 64 << 10) { connection in
            // A run with a long log goes chunk by chunk.
            let chunks = try connection.run(
                """
                DELETE FROM event_chunks WHERE id IN (
                  SELECT e.id FROM event_chunks e JOIN runs r ON r.key = e.run_key WHERE r.agent_key = $1 LIMIT $2)
                """, [.int(agent), .int(Int64(Self.slice))])
            if chunks == Self.slice { return }
            let runs = try connection.rows(
                "SELECT key FROM runs WHERE agent_key = $1 LIMIT $2", [.int(agent), .int(Int64(Self.slice))]
            ) { try $0.requiredInt(0) }
            for run in runs {
                for table in [
                    "run_steps", "tasks", "human_requests", "approvals", "merge_queue", "run_counters", "event_chunks",
                    "search_queue",
                ] {
                    try connection.run("DELETE FROM \(table) WHERE run_key = $1", [.int(run)])
                }
                try RunSearchIndexer.remove(run, connection)
                try connection.run("DELETE FROM runs WHERE key = $1", [.int(run)])
            }
            if runs.count == Self.slice { return }
            let conversations = try connection.rows(
                "SELECT key FROM conversations WHERE agent_key = $1 LIMIT $2", [.int(agent), .int(Int64(Self.slice))]
            ) { try $0.requiredInt(0) }
            for conversation in conversations {
                try connection.run(
                    "DELETE FROM conversation_messages WHERE conversation_key = $1", [.int(conversation)])
                try connection.run("DELETE FROM conversations WHERE key = $1", [.int(conversation)])
            }
            if conversations.count == Self.slice { return }
            try connection.run("DELETE FROM invocations WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM notifications WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM agent_days WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM schedules WHERE agent_key = $1", [.int(agent)])
            try JobQueue.remove(ScheduleStore.fireJob, name: String(agent), connection)
            for table in [
                "webhooks", "deliveries", "inbound_hooks", "alert_rules", "eval_cases", "eval_runs", "reports",
                "agent_versions",
            ] {
                try connection.run("DELETE FROM \(table) WHERE agent_key = $1", [.int(agent)])
            }
            try connection.run("DELETE FROM budgets WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM spend_days WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM api_keys WHERE agent_key = $1", [.int(agent)])
            try connection.run("DELETE FROM agents WHERE key = $1", [.int(agent)])
        }
        return true
    }
}
