import AgentOSCore
import AgentOSStore
import GRDB
import GRDBSQLite
import Synchronization

/// Turns `$1` into `?1`: SQLite numbers `$n` names by first appearance, not by n, and would bind the wrong values.
enum Placeholders {
    private static let cache = Mutex<[String: String]>([:])

    static func sqlite(_ sql: String) -> String {
        if let known = cache.withLock({ $0[sql] }) { return known }
        var out = ""
        out.reserveCapacity(sql.utf8.count)
        var quoted = false
        for character in sql {
            if character == "'" { quoted.toggle() }
            out.append(character == "$" && !quoted ? "?" : character)
        }
        // Statements are literals of the program, apart from a few with a number in them; the bound is a fuse.
        cache.withLock { if $0.count < 2000 { $0[sql] = out } }
        return out
    }
}

/// A connection of GRDB's, spoken to through SQLite's own calls: binding and reading by index without boxing.
class SQLiteConnection: SQLConnection {
    var hasNewJobs = false
    var author: AuditTrail.Actor?
    let db: GRDB.Database
    let dialect = Dialect.sqlite

    private let observer: (@Sendable (String) -> Void)?

    init(_ db: GRDB.Database, observer: (@Sendable (String) -> Void)? = nil) {
        self.db = db
        self.observer = observer
    }

    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    func prepared(_ sql: String) throws -> OpaquePointer {
        observer?(sql)
        do {
            return try db.cachedStatement(sql: Placeholders.sqlite(sql)).sqliteStatement
        } catch let error as DatabaseError {
            throw Self.storeError(error)
        }
    }

    static func storeError(_ error: DatabaseError) -> StoreError {
        storeError(error.resultCode.rawValue, error.extendedResultCode.rawValue, error.message ?? "")
    }

    static func storeError(_ code: Int32, _ extended: Int32, _ message: String) -> StoreError {
        switch code {
        case SQLITE_CONSTRAINT where extended == 2067 || extended == 1555: .duplicate
        case SQLITE_FULL: .storage("the disk is full")
        case SQLITE_IOERR: .storage("the disk failed")
        case SQLITE_NOMEM: .storage("out of memory")
        case SQLITE_CORRUPT, SQLITE_NOTADB: .damagedFile
        default: .engine(code: Int(extended), message: message)
        }
    }

    private func lastError() -> StoreError {
        guard let handle = db.sqliteConnection else { return .engine(code: -1, message: "closed") }
        let extended = sqlite3_extended_errcode(handle)
        return Self.storeError(extended & 0xff, extended, String(cString: sqlite3_errmsg(handle)))
    }

    private func bind(_ statement: OpaquePointer, _ arguments: [SQLValue]) throws {
        for (offset, value) in arguments.enumerated() {
            let index = Int32(offset + 1)
            let status: Int32
            switch value {
            case .null: status = sqlite3_bind_null(statement, index)
            case .int(let value): status = sqlite3_bind_int64(statement, index, value)
            case .double(let value): status = sqlite3_bind_double(statement, index, value)
            case .text(var text):
                status = text.withUTF8 { utf8 in
                    utf8.withMemoryRebound(to: CChar.self) {
                        sqlite3_bind_text(
                            statement, index, $0.baseAddress ?? Self.empty, Int32($0.count), Self.transient)
                    }
                }
            case .utf8(let bytes):
                status = bytes.withUnsafeBufferPointer { utf8 in
                    utf8.withMemoryRebound(to: CChar.self) {
                        sqlite3_bind_text(
                            statement, index, $0.baseAddress ?? Self.empty, Int32($0.count), Self.transient)
                    }
                }
            case .blob(let bytes):
                status =
                    bytes.isEmpty
                    ? sqlite3_bind_zeroblob(statement, index, 0)
                    : bytes.withUnsafeBytes {
                        sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), Self.transient)
                    }
            }
            guard status == SQLITE_OK else { throw lastError() }
        }
    }

    nonisolated(unsafe) private static let empty: UnsafePointer<CChar> = {
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        pointer.pointee = 0
        return UnsafePointer(pointer)
    }()

    @discardableResult
    func run(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            if !arguments.isEmpty { sqlite3_clear_bindings(statement) }
        }
        try bind(statement, arguments)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: continue
            case SQLITE_DONE: return Int(sqlite3_changes(db.sqliteConnection))
            default: throw lastError()
            }
        }
    }

    func each(_ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws -> Bool) throws {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            if !arguments.isEmpty { sqlite3_clear_bindings(statement) }
        }
        try bind(statement, arguments)
        let row = SQLiteRow(statement: statement)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                guard try body(row) else {
                    // A statement that writes must be run to its end to take effect as a whole.
                    if sqlite3_stmt_readonly(statement) == 0 { while sqlite3_step(statement) == SQLITE_ROW {} }
                    return
                }
            case SQLITE_DONE: return
            default: throw lastError()
            }
        }
    }
}

private struct SQLiteRow: SQLRow {
    let statement: OpaquePointer

    private func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }

    func int(_ column: Int) -> Int64? { isNull(column) ? nil : sqlite3_column_int64(statement, Int32(column)) }

    func double(_ column: Int) -> Double? { isNull(column) ? nil : sqlite3_column_double(statement, Int32(column)) }

    func text(_ column: Int) -> String? { bytes(column).map { String(decoding: $0, as: UTF8.self) } }

    func value(_ column: Int) -> SQLValue? {
        switch sqlite3_column_type(statement, Int32(column)) {
        case SQLITE_INTEGER: .int(sqlite3_column_int64(statement, Int32(column)))
        case SQLITE_FLOAT: .double(sqlite3_column_double(statement, Int32(column)))
        case SQLITE_TEXT: text(column).map(SQLValue.text)
        case SQLITE_BLOB: bytes(column).map(SQLValue.blob)
        default: nil
        }
    }

    var columnNames: [String] {
        (0..<sqlite3_column_count(statement)).map { index in
            sqlite3_column_name(statement, index).map { String(cString: $0) } ?? ""
        }
    }

    func bytes(_ column: Int) -> [UInt8]? {
        guard !isNull(column) else { return nil }
        let pointer = sqlite3_column_blob(statement, Int32(column))
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        guard let pointer, count > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: pointer, count: count))
    }
}

/// The writing connection.
final class SQLiteWriterConnection: SQLiteConnection, SQLWriter {
    /// Pages in the log at which it is moved into the main file: 16 MiB of 4 KiB pages.
    private static let checkpointPages: Int32 = 4096

    /// Pages in the log after the last commit.
    private var logPages: Int32 = 0

    override init(_ db: GRDB.Database, observer: (@Sendable (String) -> Void)? = nil) {
        super.init(db, observer: observer)
        // The hook is removed with the connection, which lives no longer than the pool that owns this object.
        sqlite3_wal_hook(
            db.sqliteConnection,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<SQLiteWriterConnection>.fromOpaque(context).takeUnretainedValue().logPages = pages
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        if let handle = db.sqliteConnection { sqlite3_wal_hook(handle, nil, nil) }
    }

    func begin() throws { try run("BEGIN IMMEDIATE", []) }

    func commit() throws { try run("COMMIT", []) }

    func rollback() { _ = try? run("ROLLBACK", []) }

    var isInsideTransaction: Bool { sqlite3_get_autocommit(db.sqliteConnection) == 0 }

    func savepoint(_ body: () throws -> Void) throws {
        try run("SAVEPOINT piece", [])
        do {
            try body()
        } catch {
            if isInsideTransaction {
                _ = try run("ROLLBACK TO piece", [])
                _ = try run("RELEASE piece", [])
            }
            throw error
        }
        try run("RELEASE piece", [])
    }

    func maintain(idle: Bool) {
        guard logPages >= Self.checkpointPages else { return }
        var total: Int32 = 0
        var moved: Int32 = 0
        if sqlite3_wal_checkpoint_v2(db.sqliteConnection, nil, SQLITE_CHECKPOINT_PASSIVE, &total, &moved) == SQLITE_OK {
            logPages = total - moved
        }
    }
}
