import AgentOSCore
import AgentOSSQLite
import AgentOSStore
import AgentOSTestSupport
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
