import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Retention and deletion by operations")
struct RetentionOperationsTests {
    @Test("what is given changes, null keeps for ever, what is left out stays")
    func settings() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            _ = try await runtime.call("retention_set", key: key, ["event_days": 7, "run_days": 30])
            _ = try await runtime.call("retention_set", key: key, ["event_days": .null, "conversation_days": 5])
            let settings = try await runtime.call("retention_get", key: key)
            #expect(settings["event_days"] == .null && settings["run_days"] == 30)
            #expect(settings["conversation_days"] == 5)
        }
    }

    @Test("a workspace is deleted only by its owner, and only with its slug")
    func deleted() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let key = try await runtime.store.key()
            let wrong = try await refusal {
                try await runtime.call("workspaces_delete", key: owner, ["confirm": "other"])
            }
            #expect(wrong?.details.first?.path == "confirm")
            let refused = try await refusal {
                try await runtime.call("workspaces_delete", key: key, ["confirm": "main"])
            }
            #expect(refused?.code == .forbidden)
            _ = try await runtime.call("workspaces_delete", key: owner, ["confirm": "main"])
            #expect(try await runtime.call("workspaces_list", key: owner).arrayValue == [])
        }
    }
}
