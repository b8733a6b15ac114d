import AgentOSCore

/// One thing that somebody did.
public struct AuditRecord: Sendable {
    public let id: AuditID
    public let operation: String
    public let actorKind: String
    public let actorEmail: String?
    public let keyName: String?
    public let keyPrefix: String?
    public let objectType: String?
    public let objectID: String?
    public let parameters: JSONValue?
    public let before: JSONValue?
    public let after: JSONValue?
    public let createdAt: Timestamp
}

/// The audit log: written by `AuditTrail`, never changed, read here.
public final class AuditStore: Sendable {
    public struct Filter: Sendable {
        public var operation: String?
        public var objectID: String?
        public var since: Timestamp?

        public init(operation: String? = nil, objectID: String? = nil, since: Timestamp? = nil) {
            self.operation = operation
            self.objectID = objectID
            self.since = since
        }
    }

    private let database: any Database

    public init(database: any Database) { self.database = database }

    /// Newest first.
    public func list(workspace: Int64, _ filter: Filter, _ page: PageRequest) async throws -> Page<AuditRecord> {
        let below = try page.key(start: .max)
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT l.id, l.operation, l.actor_kind, u.email, k.name, k.prefix, l.object_type, l.object_id,
                  l.parameters, l.before_state, l.after_state, l.created_at, l.key
                FROM audit_log l LEFT JOIN users u ON u.key = l.user_key LEFT JOIN api_keys k ON k.key = l.key_key
                WHERE l.workspace_key = $1 AND ($2 IS NULL OR l.operation = $2) AND ($3 IS NULL OR l.object_id = $3)
                  AND ($4 IS NULL OR l.created_at >= $4) AND l.key < $5
                ORDER BY l.key DESC LIMIT $6
                """,
                [
                    .int(workspace), .optional(filter.operation), .optional(filter.objectID), .time(filter.since),
                    .int(below),
                ]
            ) { row in
                let record = AuditRecord(
                    id: AuditID(try row.bits(0)), operation: try row.requiredText(1),
                    actorKind: try row.requiredText(2), actorEmail: row.text(3), keyName: row.text(4),
                    keyPrefix: row.text(5), objectType: row.text(6), objectID: row.text(7), parameters: row.json(8),
                    before: row.json(9), after: row.json(10),
                    createdAt: Timestamp(microseconds: try row.requiredInt(11)))
                return (record, ListPlace(.int(try row.requiredInt(12))))
            }
        }
    }
}
