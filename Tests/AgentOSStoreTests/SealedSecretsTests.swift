import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Whether a master key is the one of the stored secrets")
struct SealedSecretsTests {
    /// One secret of every kind that the server stores. A new kind must be entered here and in `SealedSecrets`.
    private func fill(_ store: TestStore) async throws {
        let place = store.workspace.ref
        let agent = try await store.agent(runtime: .hosted)
        try await store.providers.set(place, .anthropic, apiKey: "sk-ant-1", baseURL: nil)
        var tool = WorkspaceToolDraft(name: "lookup", method: "GET", url: "https://example.org")
        tool.secret = "token"
        tool.headers = [("x-team", "blue")]
        _ = try await store.workspaceTools.create(place, tool)
        _ = try await store.mcpServers.create(
            place, name: "crm", url: "https://example.org/mcp", secret: "token", tools: [])
        _ = try await store.webhooks.create(
            workspace: place.key, agent: nil, name: nil, url: "https://example.org", events: ["run.failed"])
        _ = try await store.alerts.create(
            workspace: place.key, agent: nil, name: "Failures", type: "run_failed", config: [:],
            channels: ["webhook"], notification: ["webhook_url": "https://example.org"])
        let hooks = store.inboundHooks
        _ = try await store.committer.write { connection in
            var hook = InboundHook()
            hook.secret = "shared"
            return try hooks.make(hook, agent: agent, trail: nil, connection)
        }
    }

    @Test("a provider's key under a lost master key is to be stored anew, and then works again")
    func providerKey() async throws {
        try await withStore { store in
            let place = store.workspace.ref
            try await store.providers.set(place, .anthropic, apiKey: "sk-ant-0123456789", baseURL: nil)
            let other = ProviderStore(
                database: store.database, committer: store.committer, clock: store.clock.wall,
                vault: try Vault(masterKey: Array(repeating: 8, count: 32)))
            let error = try await refusal { try await other.get(place, .anthropic) }
            #expect(error?.code == .validation)
            #expect(error?.message.contains("providers_set") == true)
            try await other.set(place, .anthropic, apiKey: "sk-ant-new-0123456789", baseURL: nil)
            let found = try await other.get(place, .anthropic)
            #expect(found?.apiKey == "sk-ant-new-0123456789")
        }
    }

    @Test("all kinds are counted: the right key opens them, another one and none at all open nothing")
    func kinds() async throws {
        try await withStore { store in
            let none = try await SealedSecrets.counted(in: store.database, by: nil)
            #expect(none.count == 0 && !none.areLost)
            try await fill(store)
            let right = try await SealedSecrets.counted(in: store.database, by: store.vault)
            #expect(right.count == 7 && right.readable == 7 && !right.areLost)
            let other = try Vault(masterKey: Array(repeating: 8, count: 32))
            for vault in [other, nil] {
                let found = try await SealedSecrets.counted(in: store.database, by: vault)
                #expect(found.count == 7 && found.readable == 0 && found.areLost)
            }
        }
    }

    @Test("secrets under two keys are not lost altogether")
    func mixed() async throws {
        try await withStore { store in
            try await fill(store)
            let other = try Vault(masterKey: Array(repeating: 8, count: 32))
            let providers = ProviderStore(
                database: store.database, committer: store.committer, clock: store.clock.wall, vault: other)
            try await providers.set(store.workspace.ref, .openai, apiKey: "sk-2", baseURL: nil)
            let found = try await SealedSecrets.counted(in: store.database, by: other)
            #expect(found.count == 8 && found.readable == 1 && !found.areLost)
        }
    }
}
