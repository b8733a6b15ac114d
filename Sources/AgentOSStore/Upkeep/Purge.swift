import AgentOSCore

/// Removes the rows of deleted agents and workspaces in bounded slices, so that ingest never waits for a large deletion.
public final class Purge: Sendable {
    static let slice = 200

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
        if let agent {
            try await committer.write(cost: 64 << 10) { try Self.remove(agent: agent, $0) }
            return true
        }
        let workspace = try await database.read {
            try $0.int("SELECT key FROM workspaces WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1")
        }
        guard let workspace else { return false }
        try await committer.write(cost: 64 << 10) { try Self.remove(workspace: workspace, $0) }
        return true
    }

    private static func remove(agent: Int64, _ connection: any SQLConnection) throws {
        // A run with a long log goes chunk by chunk.
        let chunks = try connection.run(
            """
            DELETE FROM event_chunks WHERE id IN (
              SELECT e.id FROM event_chunks e JOIN runs r ON r.key = e.run_key WHERE r.agent_key = $1 LIMIT $2)
            """, [.int(agent), .int(Int64(slice))])
        if chunks == slice { return }
        let runs = try connection.rows(
            "SELECT key FROM runs WHERE agent_key = $1 LIMIT $2", [.int(agent), .int(Int64(slice))]
        ) { try $0.requiredInt(0) }
        for run in runs { try remove(run: run, connection) }
        if runs.count == slice { return }
        let conversations = try connection.rows(
            "SELECT key FROM conversations WHERE agent_key = $1 LIMIT $2", [.int(agent), .int(Int64(slice))]
        ) { try $0.requiredInt(0) }
        for conversation in conversations { try remove(conversation: conversation, connection) }
        if conversations.count == slice { return }
        try JobQueue.remove(ScheduleStore.fireJob, name: String(agent), connection)
        for table in DataMap.ofAgents {
            try connection.run("DELETE FROM \(table) WHERE agent_key = $1", [.int(agent)])
        }
        try connection.run("DELETE FROM agents WHERE key = $1", [.int(agent)])
    }

    private static func remove(workspace: Int64, _ connection: any SQLConnection) throws {
        let audited = try connection.run(
            """
            DELETE FROM audit_log WHERE key IN (SELECT key FROM audit_log WHERE workspace_key = $1 LIMIT $2)
            """, [.int(workspace), .int(Int64(slice * 10))])
        if audited == slice * 10 { return }
        for table in DataMap.ofWorkspaces {
            try connection.run("DELETE FROM \(table) WHERE workspace_key = $1", [.int(workspace)])
        }
        try connection.run("DELETE FROM workspaces WHERE key = $1", [.int(workspace)])
    }

    /// Removes a run with everything that is its own. Its log should be short, or gone already.
    static func remove(run: Int64, _ connection: any SQLConnection) throws {
        for table in DataMap.ofRuns { try connection.run("DELETE FROM \(table) WHERE run_key = $1", [.int(run)]) }
        try RunSearchIndexer.remove(run, connection)
        try connection.run("UPDATE runs SET parent_key = NULL WHERE parent_key = $1", [.int(run)])
        try connection.run("UPDATE runs SET origin_key = NULL WHERE origin_key = $1", [.int(run)])
        try connection.run("DELETE FROM runs WHERE key = $1", [.int(run)])
    }

    /// Removes a conversation with its messages; its runs stay.
    static func remove(conversation: Int64, _ connection: any SQLConnection) throws {
        try connection.run("DELETE FROM conversation_messages WHERE conversation_key = $1", [.int(conversation)])
        try connection.run("UPDATE runs SET conversation_key = NULL WHERE conversation_key = $1", [.int(conversation)])
        try connection.run("DELETE FROM conversations WHERE key = $1", [.int(conversation)])
    }
}
