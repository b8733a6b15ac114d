import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

extension TestStore {
    fileprivate var toolStore: WorkspaceToolStore {
        WorkspaceToolStore(database: database, committer: stores.committer, clock: clock.wall, vault: stores.vault)
    }
}

private func draft(_ name: String, change: (inout WorkspaceToolDraft) -> Void = { _ in }) -> WorkspaceToolDraft {
    var draft = WorkspaceToolDraft(name: name, method: "POST", url: "https://example.org/{id}")
    change(&draft)
    return draft
}

@Suite("Tools of a workspace")
struct WorkspaceToolStoreTests {
    @Test("a tool comes back as it was stored, in the order of names, and only in its workspace")
    func roundTrip() async throws {
        try await withStore { store in
            let (tools, place) = (store.toolStore, store.workspace.ref)
            _ = try await tools.create(place, draft("zeta") { $0.isEnabled = false })
            let id = try await tools.create(
                place,
                draft("alpha") {
                    $0.description = "Looks things up."
                    $0.inputSchema = ["type": "object"]
                    $0.timeoutSeconds = 7
                    $0.requiresApproval = true
                    $0.isIdempotent = true
                    $0.unknownOutcome = "ask"
                })
            let all = try await tools.list(workspace: place.key)
            #expect(all.map(\.name) == ["alpha", "zeta"])
            let alpha = try #require(all.first)
            #expect(alpha.id == id && alpha.workspaceID == place.id && alpha.method == "POST")
            #expect(alpha.url == "https://example.org/{id}" && alpha.description == "Looks things up.")
            #expect(alpha.inputSchema == ["type": "object"] && alpha.timeoutSeconds == 7)
            #expect(alpha.requiresApproval && alpha.isIdempotent && alpha.unknownOutcome == "ask" && !alpha.hasAuth)
            #expect(try await tools.list(workspace: place.key, enabledOnly: true).map(\.name) == ["alpha"])
            #expect(try await tools.list(workspace: place.key + 1).isEmpty)
        }
    }

    @Test("the secret and the headers are not in the file and open only under the same master key")
    func secrets() async throws {
        try await withStore { store in
            let (tools, place) = (store.toolStore, store.workspace.ref)
            _ = try await tools.create(
                place,
                draft("secretive") {
                    $0.secret = "very-secret-1"
                    $0.headers = [("X-Api-Key", "very-secret-2"), ("X-Plain", "é")]
                })
            let tool = try #require(try await tools.list(workspace: place.key).first)
            #expect(tool.hasAuth)
            let credentials = try tools.credentials(of: tool)
            #expect(credentials.secret == "very-secret-1")
            #expect(credentials.headers.map(\.name) == ["X-Api-Key", "X-Plain"])
            #expect(credentials.headers.map(\.value) == ["very-secret-2", "é"])
            let stored = try await store.database.read { connection in
                try connection.row("SELECT auth_secret, headers FROM workspace_tools") {
                    ($0.bytes(0) ?? []) + ($0.bytes(1) ?? [])
                }
            }
            #expect(!String(decoding: stored ?? [], as: UTF8.self).contains("secret"))
            let other = WorkspaceToolStore(
                database: store.database, committer: store.committer, clock: store.clock.wall,
                vault: try Vault(masterKey: Array(repeating: 8, count: 32)))
            let sealed = try #require(try await other.list(workspace: place.key).first)
            #expect(throws: AgentOSError.self) { try other.credentials(of: sealed) }
        }
    }

    @Test("a taken name is a conflict, an unknown id is not found, and what is remembered follows each change")
    func changes() async throws {
        try await withStore { store in
            let (tools, place) = (store.toolStore, store.workspace.ref)
            #expect(try await tools.tools(workspace: place.key).isEmpty)
            let id = try await tools.create(place, draft("one"))
            #expect(try await tools.tools(workspace: place.key).keys.sorted() == ["one"])
            #expect(try await refusal { try await tools.create(place, draft("one")) }?.code == .conflict)
            #expect(try await refusal { try await tools.delete(id, workspace: place.key + 1) }?.code == .notFound)
            try await tools.delete(id, workspace: place.key)
            #expect(try await tools.tools(workspace: place.key).isEmpty)
            #expect(try await refusal { try await tools.delete(id, workspace: place.key) }?.code == .notFound)
        }
    }

    @Test("a workspace cannot have more tools than the bound, however many are created at once")
    func bound() async throws {
        try await withStore { store in
            let (tools, place) = (store.toolStore, store.workspace.ref)
            let refused = try await withThrowingTaskGroup(of: ErrorCode?.self) { group in
                for number in 0..<WorkspaceToolStore.bound + 5 {
                    group.addTask { try await refusal { try await tools.create(place, draft("t\(number)")) }?.code }
                }
                return try await group.reduce(into: [ErrorCode]()) { if let code = $1 { $0.append(code) } }
            }
            #expect(refused == Array(repeating: ErrorCode.conflict, count: 5))
            #expect(try await tools.list(workspace: place.key).count == WorkspaceToolStore.bound)
        }
    }
}
