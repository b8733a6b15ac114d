import AgentOSCore

public struct ConversationRef: Sendable, Hashable {
    public let key: Int64
    public let id: ConversationID
    public let externalUserID: String?
    public let messageCount: Int
}

public struct ConversationRecord: Sendable {
    public let id: ConversationID
    public let agentID: AgentID
    public let externalUserID: String?
    public let title: String?
    public let messageCount: Int
    public let createdAt: Timestamp
    public let lastMessageAt: Timestamp
}

public struct ConversationMessage: Sendable {
    public let isUser: Bool
    public let content: String
    public let runID: RunID?
    public let createdAt: Timestamp
}

/// Server-kept conversations: each completed run adds the user's turn and the final text. One run at a time.
public final class ConversationStore: Sendable {
    private static let titleLength = 80

    /// A turn was added to a conversation after it had been read for a new run.
    public struct Outdated: Error, Sendable {}

    private let database: any Database
    private let committer: GroupCommit

    public init(database: any Database, committer: GroupCommit) {
        self.database = database
        self.committer = committer
    }

    /// - Parameter user: whom the conversation is said to be with.
    /// - Throws: NOT_FOUND when the agent has no such conversation, VALIDATION_ERROR when it is with somebody else.
    public func ref(
        _ id: ConversationID, agent: Int64, externalUserID user: String? = nil
    ) async throws -> ConversationRef {
        let found = try await database.read { connection in
            try connection.row(
                "SELECT key, external_user_id, message_count FROM conversations WHERE id = $1 AND agent_key = $2",
                [.id(id), .int(agent)]
            ) {
                ConversationRef(
                    key: try $0.requiredInt(0), id: id, externalUserID: $0.text(1),
                    messageCount: Int(try $0.requiredInt(2)))
            }
        }
        guard let found else { throw AgentOSError(.notFound, "No session with this id.") }
        try Self.check(user, knowing: found.externalUserID)
        return found
    }

    /// The newest messages, oldest first.
    public func messages(_ key: Int64, limit: Int) async throws -> [ConversationMessage] {
        try await database.read { connection in
            try connection.rows(
                """
                SELECT m.role, m.content, r.id, m.created_at FROM conversation_messages m
                LEFT JOIN runs r ON r.key = m.run_key
                WHERE m.conversation_key = $1 ORDER BY m.position DESC LIMIT $2
                """, [.int(key), .int(Int64(limit))]
            ) { row in
                ConversationMessage(
                    isUser: row.text(0) == "user", content: try row.requiredText(1),
                    runID: row.optionalBits(2).map(RunID.init),
                    createdAt: Timestamp(microseconds: try row.requiredInt(3)))
            }
            .reversed()
        }
    }

    static func insert(
        id: ConversationID, workspace: Int64, agent: Int64, externalUserID: String?, now: Timestamp,
        _ connection: any SQLConnection
    ) throws -> Int64 {
        let key = try connection.row(
            """
            INSERT INTO conversations (id, workspace_key, agent_key, external_user_id, message_count, created_at,
              last_message_at)
            VALUES ($1, $2, $3, $4, 0, $5, $5) RETURNING key
            """, [.id(id), .int(workspace), .int(agent), .optional(externalUserID), .time(now)]
        ) { try $0.requiredInt(0) }
        guard let key else { throw StoreError.damaged("a new conversation") }
        return key
    }

    /// Gives the conversation to a run.
    /// - Parameters:
    ///   - count: the messages of it that the run knows of.
    ///   - user: whom the run says that the conversation is with; recorded when nobody has said so yet.
    /// - Throws: VALIDATION_ERROR when it is with somebody else, CONFLICT while another run of it is not over,
    ///   NOT_FOUND when it was deleted, `Outdated` when it holds other messages by now.
    static func claim(
        _ key: Int64, holding count: Int, externalUserID user: String?, run: Int64, _ connection: any SQLConnection
    ) throws {
        let changed = try connection.run(
            """
            UPDATE conversations SET busy_run_key = $2, external_user_id = COALESCE(external_user_id, $4)
            WHERE key = $1 AND busy_run_key IS NULL AND message_count = $3
              AND ($4 IS NULL OR COALESCE(external_user_id, $4) = $4)
            """, [.int(key), .int(run), .int(Int64(count)), .optional(user)])
        if changed > 0 { return }
        let found = try connection.row(
            "SELECT busy_run_key IS NOT NULL, external_user_id FROM conversations WHERE key = $1", [.int(key)]
        ) { ($0.int(0) == 1, $0.text(1)) }
        guard let (isBusy, known) = found else { throw AgentOSError(.notFound, "No session with this id.") }
        try check(user, knowing: known)
        if isBusy { throw busy }
        throw Outdated()
    }

    /// - Throws: VALIDATION_ERROR when a conversation with one user is continued with another.
    private static func check(_ given: String?, knowing known: String?) throws {
        guard let given, let known, given != known else { return }
        throw AgentOSError.invalid("external_user_id", "is not whom this session is with")
    }

    /// What a second run of a conversation is told.
    public static let busy = AgentOSError(.conflict, "Another run of this session is not over yet.")

    /// Frees the conversation of a run that has ended and adds the turn of a completed one.
    static func release(
        run: Int64, turn: HostedRunStore.Turn?, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let conversation = try connection.row("SELECT conversation_key FROM runs WHERE key = $1", [.int(run)]) {
            $0.int(0)
        }
        guard let key = conversation ?? nil else { return }
        guard let turn else {
            try connection.run("UPDATE conversations SET busy_run_key = NULL WHERE key = $1", [.int(key)])
            return
        }
        let count = try connection.row(
            """
            UPDATE conversations SET busy_run_key = NULL, message_count = message_count + 2,
              last_message_at = MAX(last_message_at, $2), title = COALESCE(title, $3)
            WHERE key = $1 RETURNING message_count
            """, [.int(key), .time(now), .text(turn.user.cut(to: titleLength))]
        ) { try $0.requiredInt(0) }
        guard let count else { return }
        for (offset, (role, text)) in [("user", turn.user), ("assistant", turn.assistant)].enumerated() {
            try connection.run(
                """
                INSERT INTO conversation_messages (conversation_key, position, role, content, run_key, created_at)
                VALUES ($1, $2, $3, $4, $5, $6)
                """, [.int(key), .int(count - 2 + Int64(offset)), .text(role), .text(text), .int(run), .time(now)])
        }
    }

    // MARK: - For the control plane

    /// Latest activity first.
    public func list(
        workspace: Int64, agent: Int64?, externalUserID: String?, _ page: PageRequest
    ) async throws -> Page<ConversationRecord> {
        let below = try page.timeAndKey()
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT v.id, a.id, v.external_user_id, v.title, v.message_count, v.created_at, v.last_message_at, v.key
                FROM conversations v JOIN agents a ON a.key = v.agent_key
                WHERE v.workspace_key = $1 AND a.deleted_at IS NULL AND ($2 IS NULL OR v.agent_key = $2)
                  AND ($3 IS NULL OR v.external_user_id = $3) AND (v.last_message_at, v.key) < ($4, $5)
                ORDER BY v.last_message_at DESC, v.key DESC LIMIT $6
                """,
                [
                    .int(workspace), .optional(agent), .optional(externalUserID), .int(below.time), .int(below.key),
                ]
            ) { row in
                let record = try Self.decode(row)
                return (record, ListPlace(.int(record.lastMessageAt.microseconds), .int(try row.requiredInt(7))))
            }
        }
    }

    private static func decode(_ row: any SQLRow) throws -> ConversationRecord {
        ConversationRecord(
            id: ConversationID(try row.bits(0)), agentID: AgentID(try row.bits(1)), externalUserID: row.text(2),
            title: row.text(3), messageCount: Int(try row.requiredInt(4)),
            createdAt: Timestamp(microseconds: try row.requiredInt(5)),
            lastMessageAt: Timestamp(microseconds: try row.requiredInt(6)))
    }

    /// - Throws: NOT_FOUND
    public func get(
        _ id: ConversationID, workspace: Int64, messageLimit: Int
    ) async throws -> (record: ConversationRecord, messages: [ConversationMessage]) {
        let found = try await database.read { connection in
            try connection.row(
                """
                SELECT v.id, a.id, v.external_user_id, v.title, v.message_count, v.created_at, v.last_message_at, v.key
                FROM conversations v JOIN agents a ON a.key = v.agent_key
                WHERE v.id = $1 AND v.workspace_key = $2 AND a.deleted_at IS NULL
                """, [.id(id), .int(workspace)]
            ) { (try Self.decode($0), try $0.requiredInt(7)) }
        }
        guard let (record, key) = found else { throw AgentOSError.notFound("conversation") }
        return (record, try await messages(key, limit: messageLimit))
    }

    /// Removes a conversation with its messages; its runs stay.
    /// - Throws: NOT_FOUND; CONFLICT while a run of it is not over.
    public func delete(_ id: ConversationID, workspace: Int64) async throws {
        try await committer.write(
            audit: .row(
                "conversation", in: "conversations", where: "id = $1 AND workspace_key = $2",
                [.id(id), .int(workspace)])
        ) { connection in
            let found = try connection.row(
                "SELECT key, busy_run_key FROM conversations WHERE id = $1 AND workspace_key = $2",
                [.id(id), .int(workspace)]
            ) { (try $0.requiredInt(0), $0.int(1)) }
            guard let (key, busy) = found else { throw AgentOSError.notFound("conversation") }
            guard busy == nil else {
                throw AgentOSError(.conflict, "A run of this conversation is not over yet; cancel it first.")
            }
            try Purge.remove(conversation: key, connection)
        }
    }
}

extension String {
    fileprivate func cut(to count: Int) -> String {
        unicodeScalars.count <= count ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(count - 1))) + "…"
    }
}
