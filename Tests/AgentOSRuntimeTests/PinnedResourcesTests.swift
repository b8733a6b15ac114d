import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Pinned resources")
struct PinnedResourcesTests {
    @Test("files follow under their names, each once, with a line for what is gone, all within the bound")
    func section() async throws {
        try await withStore { store in
            let place = store.workspace.ref
            let resources = ResourceStore(database: store.database, committer: store.committer, clock: store.clock.wall)
            func put(_ name: String, _ content: String) async throws -> ResourceRecord {
                try await resources.create(
                    workspace: place.key, filename: name, mimeType: "text/plain", content: content)
            }
            let note = try await put("note.md", "Be kind.")
            _ = try await put("empty.txt", "")
            let pinned = PinnedResources(store: resources)
            #expect(try await pinned.section(for: [], workspace: place) == "")
            let text = try await pinned.section(
                for: ["\(note.id)", "gone.txt", "note.md", "empty.txt"], workspace: place)
            #expect(
                text == "\n\n# Resources\n\n## note.md\n\nBe kind.\n\n(The pinned resource gone.txt no longer exists.)"
                    + "\n\n## empty.txt\n\n")
            for name in ["big", "bigger"] { _ = try await put(name, String(repeating: "é", count: 150_000)) }
            let large = try await pinned.section(for: ["big", "bigger", "note.md"], workspace: place)
            #expect(large.unicodeScalars.count == PinnedResources.bound && large.hasSuffix("[truncated]"))
            #expect(try await pinned.checked(["note.md", "note.md"], workspace: place) == ["note.md"])
            let id = "\(note.id)"
            #expect(try await pinned.checked([id.uppercased(), "note.md", id], workspace: place) == [id])
            #expect(
                try await pinned.checked(["note.md", id, "empty.txt"], workspace: place) == ["note.md", "empty.txt"])
            #expect(try await refusal { try await pinned.checked(["gone.txt"], workspace: place) }?.code == .notFound)
        }
    }
}
