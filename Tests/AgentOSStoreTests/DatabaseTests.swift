import AgentOSCore
import AgentOSSQLite
import AgentOSStore
import AgentOSTestSupport
import Foundation
import Testing

@Suite("Database and committer")
struct DatabaseTests {
    private struct Refused: Error {}

    @Test("a commit returns only when it is on the disk: synchronous reads FULL on the writer")
    func synchronous() async throws {
        try await withStore { store in
            let level = try store.database.synchronousLevel()
            #expect(level == 2)
        }
    }

    @Test("placeholders bind by their number, not by the order they appear in")
    func placeholders() async throws {
        try await withStore { store in
            let values = try await store.database.read { connection in
                try connection.row("SELECT $2, $1, '$3', $2", [.int(1), .text("two")]) {
                    [$0.text(0), $0.text(1), $0.text(2), $0.text(3)]
                }
            }
            #expect(values == ["two", "1", "$3", "two"])
        }
    }

    @Test("a piece that throws is undone alone; the others of its group are stored")
    func savepoints() async throws {
        try await withStore { store in
            try await store.committer.write { try $0.run("CREATE TABLE things (n INTEGER NOT NULL)", []) }
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        do {
                            try await store.committer.write { connection in
                                try connection.run("INSERT INTO things VALUES ($1)", [.int(Int64(number))])
                                if number % 3 == 0 { throw Refused() }
                            }
                            return number % 3 != 0
                        } catch {
                            return number % 3 == 0 && error is Refused
                        }
                    }
                }
                for await asExpected in group { #expect(asExpected) }
            }
            #expect(try await store.count("things") == 133)
            #expect(try await store.count("things WHERE n % 3 = 0") == 0)
        }
    }

    @Test("what a write returned is there for the next reader")
    func readYourWrite() async throws {
        try await withStore { store in
            try await store.committer.write { try $0.run("CREATE TABLE things (n INTEGER NOT NULL)", []) }
            for number in 1...50 {
                try await store.committer.write { try $0.run("INSERT INTO things VALUES (1)", []) }
                #expect(try await store.count("things") == number)
            }
        }
    }

    @Test("a cancelled caller does not undo what it handed over")
    func cancelled() async throws {
        try await withStore { store in
            try await store.committer.write { try $0.run("CREATE TABLE things (n INTEGER NOT NULL)", []) }
            let task = Task { try await store.committer.write { try $0.run("INSERT INTO things VALUES (1)", []) } }
            task.cancel()
            _ = try await task.value
            #expect(try await store.count("things") == 1)
        }
    }

    @Test("one that only reads sees what is committed, copies it, and neither writes nor moves the log")
    func readOnly() async throws {
        try await withStore { store in
            try await store.committer.write { try $0.run("CREATE TABLE things (n INTEGER NOT NULL)", []) }
            try await store.committer.write { try $0.run("INSERT INTO things VALUES (1)", []) }
            let log = store.path + "-wal"
            let before = try Data(contentsOf: URL(fileURLWithPath: log))
            let reader = try SQLiteDatabase(path: store.path, readers: 1, readOnly: true)
            let count = try await reader.read { try $0.int("SELECT COUNT(*) FROM things") }
            #expect(count == 1)
            let copy = store.path + ".copy #1 100%?"
            try await reader.copy(to: copy)
            #expect(try SQLiteDatabase.problems(ofFile: copy).isEmpty)
            await #expect(throws: (any Error).self) {
                try await GroupCommit(database: reader).write { try $0.run("INSERT INTO things VALUES (2)", []) }
            }
            try reader.close()
            #expect(try Data(contentsOf: URL(fileURLWithPath: log)) == before)
            try await store.committer.write { try $0.run("INSERT INTO things VALUES (3)", []) }
            #expect(try await store.count("things") == 2)
        }
    }

    @Test("a store that is closed refuses to read and to write, and nothing that comes late reaches it")
    func closed() async throws {
        try await withStore { store in
            try await store.committer.write { try $0.run("CREATE TABLE things (n INTEGER NOT NULL)", []) }
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        do {
                            try await store.committer.write { connection in
                                try connection.run("INSERT INTO things VALUES ($1)", [.int(Int64(number))])
                            }
                            _ = try await store.count("things")
                            return true
                        } catch {
                            let isRefusal = (error as? AgentOSError)?.code == .unavailable
                            return isRefusal || error as? StoreError == StoreError.closed
                        }
                    }
                }
                group.addTask { (try? store.close()) != nil }
                for await asExpected in group { #expect(asExpected) }
            }
            let error = try await refusal { try await store.committer.write { try $0.run("DELETE FROM things", []) } }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("it is closed") == true)
            await #expect(throws: StoreError.closed) { try await store.count("things") }
            await #expect(throws: StoreError.closed) { try await store.database.vacuum(pages: 1) }
            await #expect(throws: StoreError.closed) { try await store.database.copy(to: store.path + ".copy") }
            try store.database.close()
        }
    }

    @Test("a page that is damaged is called so, with what to do")
    func damaged() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.db"
            let whole = try SQLiteDatabase(path: path)
            try await GroupCommit(database: whole).write { connection in
                try connection.run("CREATE TABLE things (n INTEGER NOT NULL)", [])
                try connection.run("INSERT INTO things VALUES (1)", [])
            }
            let place = try await whole.read { connection in
                let root = try connection.int("SELECT rootpage FROM sqlite_master WHERE name = 'things'") ?? 0
                return (page: root, size: try connection.int("PRAGMA page_size") ?? 0)
            }
            try whole.close()
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            try file.seek(toOffset: UInt64((place.page - 1) * place.size))
            try file.write(contentsOf: Data(repeating: 0xff, count: Int(place.size)))
            try file.close()
            let database = try SQLiteDatabase(path: path)
            defer { try? database.close() }
            await #expect(throws: StoreError.damagedFile) {
                try await database.read { try $0.int("SELECT COUNT(*) FROM things") }
            }
            #expect(StoreError.damagedFile.reason.contains("agentos doctor"))
        }
    }

    @Test("a store that cannot be read or written says so, until it can")
    func health() async throws {
        try await withStore { store in
            let health = StoreHealth(database: store.database, committer: store.committer)
            #expect(await health.problem() == nil)
            try await store.committer.write { connection in
                try connection.run("CREATE TABLE things (bytes BLOB NOT NULL)", [])
                try connection.run("PRAGMA max_page_count = 1", [])
            }
            await #expect(throws: (any Error).self) {
                try await store.committer.write { connection in
                    try connection.run("INSERT INTO things VALUES ($1)", [.blob(Array(repeating: 1, count: 1 << 20))])
                }
            }
            #expect(store.committer.lastFailure == "the disk is full")
            #expect(await health.problem() == nil)
            #expect(store.committer.lastFailure == nil)
            try await store.committer.write { try $0.run("ALTER TABLE workspaces RENAME TO lost", []) }
            #expect(await health.problem()?.contains("cannot be read") == true)
        }
    }

    @Test("a database that a newer binary wrote is refused with its version")
    func newer() async throws {
        try await withStore { store in
            try await store.committer.write {
                try $0.run("INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'later', 0)", [])
            }
            let error = try await refusal { try await Migrator.migrate(store.database, now: store.clock.now) }
            #expect(error?.message.contains("99") == true)
        }
    }
}
