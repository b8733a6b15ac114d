import AgentOSCore

/// A value bound to a statement.
public enum SQLValue: Sendable {
    case null
    case int(Int64)
    case double(Double)
    case text(String)
    /// Text given as UTF-8 bytes: JSON as it was received.
    case utf8([UInt8])
    case blob([UInt8])

    public static func id(_ id: ID<some Any>) -> SQLValue { .blob(id.bits.bytes) }
    public static func time(_ time: Timestamp?) -> SQLValue { time.map { .int($0.microseconds) } ?? .null }
    public static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
    public static func optional(_ utf8: [UInt8]?) -> SQLValue { utf8.map(SQLValue.utf8) ?? .null }
    public static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.int) ?? .null }
    public static func optional(_ value: Int?) -> SQLValue { value.map { .int(Int64($0)) } ?? .null }
    public static func bool(_ flag: Bool) -> SQLValue { .int(flag ? 1 : 0) }
    public static func json(_ value: JSONValue?) -> SQLValue { value.map { .utf8($0.encoded) } ?? .null }
}

/// The current row of a query; columns are read by index and must not be kept beyond the closure.
public protocol SQLRow {
    func int(_ column: Int) -> Int64?
    func double(_ column: Int) -> Double?
    func text(_ column: Int) -> String?
    /// A blob, or a text's UTF-8.
    func bytes(_ column: Int) -> [UInt8]?
    /// A column as it is stored; nil for null.
    func value(_ column: Int) -> SQLValue?
    var columnNames: [String] { get }
}

extension SQLRow {
    public func time(_ column: Int) -> Timestamp? { int(column).map(Timestamp.init(microseconds:)) }

    public func bits(_ column: Int) throws -> UUIDBits {
        guard let raw = bytes(column), let bits = UUIDBits(bytes: raw) else { throw StoreError.damaged("an id") }
        return bits
    }

    public func optionalBits(_ column: Int) -> UUIDBits? { bytes(column).flatMap { UUIDBits(bytes: $0) } }

    public func requiredInt(_ column: Int) throws -> Int64 {
        guard let value = int(column) else { throw StoreError.damaged("an integer") }
        return value
    }

    public func requiredText(_ column: Int) throws -> String {
        guard let value = text(column) else { throw StoreError.damaged("a text") }
        return value
    }

    public func json(_ column: Int) -> JSONValue? {
        bytes(column).flatMap { try? JSONParser.parse($0, depth: JSONParser.documentDepth) }
    }
}

/// What goes wrong below the rules.
public enum StoreError: Error, Sendable, Equatable {
    /// A unique constraint refused a row: somebody else was first.
    case duplicate
    /// No room, or the disk or the file on it failed; nothing of the transaction is stored.
    case storage(String)
    /// A stored value is not what was written.
    case damaged(String)
    /// Any other refusal of the engine, without the statement's arguments.
    case engine(code: Int, message: String)

    /// The engine found that its file is not sound.
    public static let damagedFile = StoreError.storage(
        "the database is damaged: run agentos doctor, and restore a backup")
    /// Whoever asks is later than the end of the store.
    public static let closed = StoreError.storage("it is closed")

    /// Why, as a part of a sentence, without any stored value.
    public var reason: String {
        switch self {
        case .duplicate: "a row is there already"
        case .storage(let reason): reason
        case .damaged(let what): "\(what) in it is not what was written"
        case .engine(let code, _): "engine error \(code)"
        }
    }
}

/// A connection inside a transaction. SQL is written once for all engines: placeholders `$1, $2 …`, `ON CONFLICT`,
/// `RETURNING`; what differs has a name in `Dialect`.
public protocol SQLConnection: AnyObject {
    var dialect: Dialect { get }
    /// Set when the transaction enqueued a job, so that whoever works on jobs is told after the commit.
    var hasNewJobs: Bool { get set }
    /// Who does what is being written, when an operation of the control plane is under way.
    var author: AuditTrail.Actor? { get set }

    /// Runs a statement. Returns the number of rows it changed.
    /// - Throws: `StoreError`
    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue]) throws -> Int

    /// Calls `body` for each row until it returns false.
    func each(_ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws -> Bool) throws
}

extension SQLConnection {
    public func rows<T>(_ sql: String, _ arguments: [SQLValue] = [], _ decode: (any SQLRow) throws -> T) throws -> [T] {
        var out: [T] = []
        try each(sql, arguments) { row in
            out.append(try decode(row))
            return true
        }
        return out
    }

    public func row<T>(_ sql: String, _ arguments: [SQLValue] = [], _ decode: (any SQLRow) throws -> T) throws -> T? {
        var out: T?
        try each(sql, arguments) { row in
            out = try decode(row)
            return false
        }
        return out
    }

    public func int(_ sql: String, _ arguments: [SQLValue] = []) throws -> Int64? {
        try row(sql, arguments) { $0.int(0) } ?? nil
    }
}

/// The one writing connection, outside a transaction. Used by `GroupCommit` and the migrator only.
public protocol SQLWriter: SQLConnection {
    func begin() throws
    func commit() throws
    func rollback()
    /// Runs `body` so that an error undoes what it did and nothing else.
    func savepoint(_ body: () throws -> Void) throws
    /// False after an error that ended the whole transaction.
    var isInsideTransaction: Bool { get }
    /// Called between groups: moves the log into the main file when it is due. `idle`: nothing else waits.
    func maintain(idle: Bool)
}

/// One engine. `read` sees a snapshot; writing goes through `GroupCommit`.
public protocol Database: Sendable {
    var dialect: Dialect { get }

    /// Runs `body` off the cooperative pool, in a read-only snapshot.
    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T

    /// Runs `body` on the writer's own thread, one at a time, and returns at once.
    func withWriter(_ body: @escaping @Sendable (any SQLWriter) -> Void)

    /// Copies a consistent snapshot of the whole store into a new file.
    func checkIntegrity() async throws -> [String]

    /// Gives up to `pages` free pages back to the file system; returns how many were free before.
    func vacuum(pages: Int) async throws -> Int

    /// How far the engine flushes a commit (SQLite: 2 is FULL).
    func synchronousLevel() throws -> Int

    func close() throws
}

/// What differs between the engines.
public struct Dialect: Sendable {
    public let name: String
    public let integerKey: String
    public let integer: String
    public let real: String
    public let text: String
    public let blob: String
    /// Follows a `CREATE TABLE (…)` whose rows should lie in the order of its primary key.
    public let clustered: String

    /// The statements after which the tables that there are give out no key twice, not even that of a removed row.
    let lastingKeys: [String]

    /// The statement that makes an index of words over named columns; its rows are found by `rowid` and `MATCH`.
    let wordIndex: @Sendable (_ name: String, _ columns: [String]) -> String

    public static let sqlite = Dialect(
        name: "sqlite", integerKey: "INTEGER PRIMARY KEY", integer: "INTEGER", real: "REAL", text: "TEXT", blob: "BLOB",
        clustered: " WITHOUT ROWID",
        // The rows stay as they are: AUTOINCREMENT only says how a new key is chosen. The table that is made and dropped
        // brings SQLite's own table of highest keys along, and tells other connections that the schema has changed.
        lastingKeys: [
            "CREATE TABLE lasting_keys (key INTEGER PRIMARY KEY AUTOINCREMENT)",
            "PRAGMA writable_schema = ON",
            """
            UPDATE sqlite_schema SET sql = replace(
              replace(sql, ' key INTEGER PRIMARY KEY,', ' key INTEGER PRIMARY KEY AUTOINCREMENT,'),
              '(key INTEGER PRIMARY KEY,', '(key INTEGER PRIMARY KEY AUTOINCREMENT,')
            WHERE type = 'table'
            """,
            "DROP TABLE lasting_keys",
            "PRAGMA writable_schema = RESET",
        ],
        wordIndex: { name, columns in
            "CREATE VIRTUAL TABLE \(name) USING fts5(\(columns.joined(separator: ", ")), "
                + "tokenize = 'unicode61 remove_diacritics 2')"
        })
}
