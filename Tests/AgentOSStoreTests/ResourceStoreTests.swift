import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

extension TestStore {
    fileprivate var files: ResourceStore {
        ResourceStore(database: database, committer: stores.committer, clock: clock.wall)
    }

    fileprivate func put(_ filename: String, _ content: String = "x") async throws -> ResourceRecord {
        try await files.create(
            workspace: workspace.ref.key, filename: filename, mimeType: "text/plain", content: content)
    }
}

@Suite("Resources")
struct ResourceStoreTests {
    @Test(
        "a name that is taken gets the smallest free number before its extension",
        arguments: [
            ("a.csv", ["a.csv", "a-2.csv", "a-3.csv"]), ("notes", ["notes", "notes-2", "notes-3"]),
            (".env", [".env", ".env-2", ".env-3"]), ("a.tar.gz", ["a.tar.gz", "a.tar-2.gz", "a.tar-3.gz"]),
            ("größe 日本.md", ["größe 日本.md", "größe 日本-2.md", "größe 日本-3.md"]),
        ])
    func numbers(name: String, expected: [String]) async throws {
        try await withStore { store in
            var names: [String] = []
            for _ in 0..<3 { names.append(try await store.put(name).filename) }
            #expect(names == expected)
            try await store.files.delete(workspace: store.workspace.ref.key, filename: expected[1])
            #expect(try await store.put(name).filename == expected[1])
        }
    }

    @Test("a numbered name is not longer than names may be")
    func longNames() async throws {
        try await withStore { store in
            let name = String(repeating: "n", count: 196) + ".csv"
            for _ in 0..<12 { _ = try await store.put(name) }
            let names = try await store.files.list(workspace: store.workspace.ref.key).items.map(\.filename)
            #expect(Set(names).count == 12 && names.allSatisfy { $0.count <= 200 && $0.hasSuffix(".csv") })
        }
    }

    @Test("the same name at once makes as many files, each with a name of its own")
    func race() async throws {
        try await withStore { store in
            let names = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<40 { group.addTask { try await store.put("r.txt").filename } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(names.count == 40)
        }
    }

    @Test("a file is read by name or id, cut at so many characters, and only in its workspace")
    func reads() async throws {
        try await withStore { store in
            let (resources, place) = (store.files, store.workspace.ref.key)
            let record = try await store.put("ü.txt", "äöü\u{0}€")
            #expect(record.sizeBytes == 12)
            #expect(try await resources.read("ü.txt", workspace: place, characters: 9)?.content == "äöü\u{FFFD}€")
            #expect(try await resources.read("\(record.id)", workspace: place, characters: 2)?.content == "äö")
            #expect(try await resources.read("ü.txt", workspace: place + 1, characters: 9) == nil)
            let several = try await resources.read(["ü.txt", "none", "\(record.id)"], workspace: place, characters: 7)
            #expect(several.map { $0?.content } == ["äöü\u{FFFD}€", nil, "äö"])
        }
    }

    @Test("the list is by name and goes on behind its last item")
    func lists() async throws {
        try await withStore { store in
            let (resources, place) = (store.files, store.workspace.ref.key)
            for name in ["b", "a", "d", "c"] { _ = try await store.put(name) }
            let first = try await resources.list(workspace: place, PageRequest(limit: 3))
            #expect(first.items.map(\.filename) == ["a", "b", "c"])
            // Also when that is gone by then.
            try await resources.delete(workspace: place, filename: "c")
            let rest = try await resources.list(workspace: place, PageRequest(after: first.end, limit: 3))
            #expect(rest.items.map(\.filename) == ["d"] && rest.end == nil)
        }
    }

    @Test("more than 10 MB of UTF-8 is refused, as is deleting what is not there")
    func refusals() async throws {
        try await withStore { store in
            let large = String(repeating: "é", count: ResourceStore.sizeBound / 2)
            let fits = try await store.put("fits", large)
            #expect(fits.sizeBytes == ResourceStore.sizeBound)
            #expect(try await refusal { try await store.put("large", large + "x") }?.code == .validation)
            let place = store.workspace.ref.key
            #expect(
                try await refusal { try await store.files.delete(workspace: place, filename: "large") }?.code
                    == .notFound)
        }
    }
}
