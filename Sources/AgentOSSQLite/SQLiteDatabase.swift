import AgentOSCore
import AgentOSStore
import Dispatch
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// `Database` on an embedded SQLite file in WAL mode: one writer, snapshot readers.
///
/// `synchronous` is FULL on the writer: a commit returns when the log is on the disk. GRDB resets it to NORMAL while it
/// opens a connection, so it is set afterwards and read back.
///
/// Once it is closed every use of it throws `StoreError.closed`: work that outlives a stopping server must not reach
/// connections that are gone.
public final class SQLiteDatabase: AgentOSStore.Database {
    private let pool: DatabasePool
    private let writer: Mutex<SQLiteWriterBox>
    private let observer: (@Sendable (String) -> Void)?
    private let isReadOnly: Bool
    private let gate = ReaderGate()
    public let dialect = Dialect.sqlite

    // @unchecked: only ever used inside the writer's queue.
    private struct SQLiteWriterBox: @unchecked Sendable {
        var connection: SQLiteWriterConnection?
        var isClosed = false
    }

    /// Opens or creates the file.
    /// - Parameters:
    ///   - readOnly: looks at a file that is there, beside a server or without one. Neither it nor its log is written:
    ///     moving the log from a second connection while the server begins it anew can damage the file.
    ///   - observer: told of every statement before it is run; for tests and for looking into what is slow.
    /// - Throws: `AgentOSError` with one clear line when the file cannot be used.
    public init(
        path: String, readers: Int = 4, readOnly: Bool = false, observer: (@Sendable (String) -> Void)? = nil
    ) throws {
        self.observer = observer
        isReadOnly = readOnly
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.maximumReaderCount = readers
        configuration.busyMode = .timeout(10)
        configuration.foreignKeysEnabled = true
        configuration.label = "store"
        configuration.prepareDatabase { db in
            // Before the first table; refused on connections that cannot write.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            try db.execute(sql: "PRAGMA cache_size = -\(db.configuration.readonly ? 2048 : 16384)")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            writer = Mutex(SQLiteWriterBox())
            if readOnly { return }
            try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                    throw AgentOSError(.internal, "SQLite does not accept synchronous=FULL; refusing to start.")
                }
                let connection = SQLiteWriterConnection(db, observer: observer)
                writer.withLock { $0.connection = connection }
            }
        } catch let error as DatabaseError {
            let reason =
                SQLiteConnection.storeError(error) == .damagedFile
                ? StoreError.damagedFile.reason : error.message ?? "\(error.resultCode)"
            throw AgentOSError(.unavailable, "Cannot open the database \(path): \(reason).")
        }
    }

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        guard gate.enter() else { throw StoreError.closed }
        return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            pool.asyncRead { [observer, gate] result in
                let outcome = Result<T, any Error> {
                    do {
                        return try body(SQLiteConnection(try result.get(), observer: observer))
                    } catch let error as DatabaseError {
                        throw SQLiteConnection.storeError(error)
                    }
                }
                gate.leave()
                continuation.resume(with: outcome)
            }
        }
    }

    public func withWriter(_ body: @escaping @Sendable (any SQLWriter) -> Void) {
        pool.asyncWriteWithoutTransaction { [self] db in
            let box = writer.withLock { $0 }
            if box.isClosed { return body(ClosedWriter()) }
            body(box.connection ?? SQLiteWriterConnection(db, observer: observer))
        }
    }

    public func checkIntegrity() async throws -> [String] {
        try await read { connection in
            try connection.rows("PRAGMA quick_check(20)") { $0.text(0) ?? "" }.filter { $0 != "ok" }
        }
    }

    public func vacuum(pages: Int) async throws -> Int {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int, any Error>) in
            withWriter { writer in
                continuation.resume(
                    with: Result {
                        let free = Int(try writer.int("PRAGMA freelist_count") ?? 0)
                        if free > 0 { try writer.each("PRAGMA incremental_vacuum(\(pages))", []) { _ in true } }
                        return free
                    })
            }
        }
    }

    /// Copies the whole database, as it is at one moment, into a new file; a server that writes meanwhile goes on.
    public func copy(to path: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            pool.asyncWriteWithoutTransaction { [self] db in
                continuation.resume(
                    with: Result {
                        do {
                            if writer.withLock({ $0.isClosed }) { throw StoreError.closed }
                            try db.execute(sql: "VACUUM INTO ?", arguments: [path])
                        } catch let error as DatabaseError {
                            throw AgentOSError(
                                .unavailable,
                                "Cannot copy the database to \(path): \(error.message ?? "\(error.resultCode)").")
                        }
                    })
            }
        }
    }

    /// What is wrong with a database file that nobody has open; empty when it is sound.
    /// - Throws: `AgentOSError` when it is no database.
    public static func problems(ofFile path: String) throws -> [String] {
        try inspect(file: path) { connection in
            try connection.rows("PRAGMA quick_check(20)") { $0.text(0) ?? "" }.filter { $0 != "ok" }
        }
    }

    /// Looks into a database file that nobody has open, and leaves no other files beside it.
    /// - Throws: `AgentOSError` when it is no database; what `body` throws.
    public static func inspect<T>(file path: String, _ body: (any SQLConnection) throws -> T) throws -> T {
        do {
            let queue = try DatabaseQueue(path: uri(path) + "?immutable=1")
            let found = try queue.read { db in try body(SQLiteConnection(db)) }
            try queue.close()
            return found
        } catch let error as DatabaseError {
            throw AgentOSError(.unavailable, "\(path) is not a sound database: \(error.message ?? "").")
        } catch let error as StoreError {
            throw AgentOSError(.unavailable, "\(path) is not a sound database: \(error.reason).")
        }
    }

    /// A path as SQLite reads it in a URI, where `?`, `#` and `%` have a meaning.
    private static func uri(_ path: String) -> String {
        var out = path.hasPrefix("/") ? "file://" : "file:"
        for byte in path.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x2f, 0x5f, 0x7e:
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        return out
    }

    /// The writer's `PRAGMA synchronous`: 2 is FULL.
    public func synchronousLevel() throws -> Int {
        try pool.writeWithoutTransaction { db in
            if writer.withLock({ $0.isClosed }) { throw StoreError.closed }
            return try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1
        }
    }

    /// Waits for what is being read and written, moves the whole log into the main file, unless it was opened for
    /// reading, and closes every connection. Nothing happens when it is closed already.
    public func close() throws {
        guard gate.close() else { return }
        pool.writeWithoutTransaction { db in
            if !isReadOnly { _ = try? db.checkpoint(.truncate) }
            writer.withLock {
                $0.connection = nil
                $0.isClosed = true
            }
        }
        try pool.close()
    }
}
