import AgentOSCore
import Synchronization

/// Who calls which operation. While it is the current one, what the operation writes is recorded in the audit log, in the
/// same transaction.
public final class AuditTrail: Sendable {
    /// Whoever acts.
    public struct Actor: Sendable {
        /// `user`, `workspace_key` or `invite`.
        public let kind: String
        public let keyKey: Int64?
        public let userKey: Int64?

        public init(kind: String, keyKey: Int64? = nil, userKey: Int64? = nil) {
            self.kind = kind
            self.keyKey = keyKey
            self.userKey = userKey
        }
    }

    /// What an operation is about, where the rows it writes do not tell.
    public struct Subject: Sendable {
        /// What people call such a thing.
        public let kind: String
        public let id: String

        public init(kind: String, id: String) {
            self.kind = kind
            self.id = id
        }
    }

    @TaskLocal public static var current: AuditTrail?

    /// Bytes of parameters, and of one side of a change, that are kept.
    static let bound = 16 << 10

    public let operation: String
    public let actor: Actor
    private let workspace: Int64?
    private let subject: Subject?
    private let parameters: [UInt8]
    private let clock: WallClock
    private let recorded = Mutex(false)

    /// - Parameter parameters: without secrets.
    public init(
        operation: String, workspace: Int64?, actor: Actor, subject: Subject? = nil, parameters: JSONObject,
        clock: WallClock
    ) {
        self.operation = operation
        self.workspace = workspace
        self.actor = actor
        self.subject = subject
        self.clock = clock
        let json = JSONValue.object(parameters).encoded
        self.parameters = json.count <= Self.bound ? json : Array(#"{"_cut":true}"#.utf8)
    }

    /// Whether anything of the operation is on record.
    public var isRecorded: Bool { recorded.withLock { $0 } }

    /// Runs a piece of writing and records it. A second piece of the same operation is recorded only when it names what
    /// it changes.
    func around<T>(
        _ target: AuditTarget?, _ connection: any SQLConnection, _ body: (any SQLConnection) throws -> T
    ) throws -> T {
        let outer = connection.author
        connection.author = actor
        defer { connection.author = outer }
        let before = try target?.snapshot(connection)
        let result = try body(connection)
        let after = try target?.snapshot(connection)
        if !isRecorded || before != nil || after != nil { try record(target?.kind, before, after, connection) }
        return result
    }

    /// Records an operation that wrote nothing of its own.
    public func record(_ connection: any SQLConnection) throws { try record(nil, nil, nil, connection) }

    private func record(
        _ kind: String?, _ before: AuditTarget.Snapshot?, _ after: AuditTarget.Snapshot?,
        _ connection: any SQLConnection
    ) throws {
        let now = clock.now()
        let known = after ?? before
        try connection.run(
            """
            INSERT INTO audit_log (id, workspace_key, operation, actor_kind, key_key, user_key, object_type, object_id,
              parameters, before_state, after_state, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .id(AuditID.new(at: now)), .optional(workspace ?? (kind == "workspace" ? known?.key : nil)),
                .text(operation), .text(actor.kind), .optional(actor.keyKey), .optional(actor.userKey),
                .optional(kind ?? subject?.kind), .optional(known?.id ?? subject?.id), .utf8(parameters),
                .json(before?.json), .json(after?.json), .time(now),
            ])
        recorded.withLock { $0 = true }
    }
}

/// A row whose change is recorded: how it was before a piece of writing, how it is after.
public struct AuditTarget: Sendable {
    struct Snapshot {
        let json: JSONValue
        let id: String?
        let key: Int64?
    }

    /// Never shown, whatever table they are in.
    private static let hidden: Set<String> = [
        "secret", "auth_secret", "api_key", "headers", "password_hash", "digest", "token_digest", "content",
    ]
    private static let textBound = 4000

    let kind: String
    let table: String
    let condition: String
    let arguments: [SQLValue]
    let id: String?

    /// - Parameters:
    ///   - kind: what people call such a thing.
    ///   - condition: finds one row, with `$1` and so on for the arguments.
    ///   - id: what people know it by when the row has no `id`.
    public static func row(
        _ kind: String, in table: String, where condition: String, _ arguments: [SQLValue], id: String? = nil
    ) -> AuditTarget {
        AuditTarget(kind: kind, table: table, condition: condition, arguments: arguments, id: id)
    }

    func snapshot(_ connection: any SQLConnection) throws -> Snapshot? {
        try connection.row("SELECT * FROM \(table) WHERE \(condition) LIMIT 1", arguments) { row in
            var object = JSONObject()
            var key: Int64?
            for (index, name) in row.columnNames.enumerated() {
                if name == "key" { key = row.int(index) }
                if name == "key" || name.hasSuffix("_key") || Self.hidden.contains(name) { continue }
                if name == "id" {
                    object["id"] = .optional(row.optionalBits(index)?.text)
                } else if name.hasSuffix("_at") {
                    object[name] = .time(row.time(index))
                } else if let value = row.value(index) {
                    object[name] = Self.shown(value)
                }
            }
            return Snapshot(json: .object(object), id: object["id"]?.stringValue ?? id, key: key)
        }
    }

    private static func shown(_ value: SQLValue) -> JSONValue {
        switch value {
        case .null: .null
        case .int(let number): .int(Int(number))
        case .double(let number): .double(number)
        case .text(let text): .string(text.utf8.count <= textBound ? text : String(text.prefix(textBound)) + "…")
        case .utf8, .blob: "[hidden]"
        }
    }
}
