import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Names of MCP tools")
struct MCPServerStoreTests {
    private func tools(_ names: String..., of server: String) -> [MCPToolRecord] {
        names.map { name in
            MCPToolRecord(
                agentName: MCPToolNames.plain(name, of: server), name: name, description: "",
                inputSchema: ["type": "object"], isReadOnly: false, isIdempotent: false)
        }
    }

    private func create(_ server: String, _ tools: [MCPToolRecord], in store: TestStore) async throws -> (
        id: MCPServerID, names: [String]
    ) {
        let made = try await store.mcpServers.create(
            store.workspace.ref, name: server, url: "https://example.org/mcp", secret: nil, tools: tools)
        return (made.id, made.tools.map(\.agentName))
    }

    private func refresh(
        _ id: MCPServerID, _ tools: [MCPToolRecord], in store: TestStore
    ) async throws -> [String: String] {
        let workspace = store.workspace.ref.key
        try await store.mcpServers.refreshed(id, workspace: workspace, tools: tools, error: nil)
        let stored = try await store.mcpServers.server(id, workspace: workspace).tools
        return Dictionary(uniqueKeysWithValues: stored.map { ($0.name, $0.agentName) })
    }

    @Test("a name that an older server has stays with it, whatever a newer one lists, then and later")
    func betweenServers() async throws {
        try await withStore { store in
            let old = try await create("crm_b", tools("c", of: "crm_b"), in: store)
            #expect(old.names == ["mcp_crm_b_c"])
            store.clock.advance(bySeconds: 1)
            let new = try await create("crm", tools("b_c", "x", of: "crm"), in: store)
            #expect(new.names == ["mcp_crm_b_c_1", "mcp_crm_x"])
            #expect(try await refresh(old.id, tools("c", of: "crm_b"), in: store) == ["c": "mcp_crm_b_c"])
            #expect(try await refresh(new.id, tools("b_c", of: "crm"), in: store) == ["b_c": "mcp_crm_b_c_1"])
            // Nor does an older server take what a newer one has.
            _ = try await refresh(new.id, tools("b_c", "b_d", of: "crm"), in: store)
            #expect(
                try await refresh(old.id, tools("c", "d", of: "crm_b"), in: store)
                    == ["c": "mcp_crm_b_c", "d": "mcp_crm_b_d_1"])
        }
    }

    @Test("tools of one server keep their names when the server lists them in another order")
    func order() async throws {
        try await withStore { store in
            let made = try await create("s", tools("a.b", "a/b", of: "s"), in: store)
            #expect(made.names == ["mcp_s_a_b", "mcp_s_a_b_1"])
            let names = ["a.b": "mcp_s_a_b", "a/b": "mcp_s_a_b_1"]
            #expect(try await refresh(made.id, tools("a/b", "a.b", of: "s"), in: store) == names)
            let more = try await refresh(made.id, tools("a b", "a/b", "a.b", of: "s"), in: store)
            #expect(more == names.merging(["a b": "mcp_s_a_b_2"]) { first, _ in first })
        }
    }

    @Test("names that are too long for providers are cut and stay apart")
    func long() async throws {
        try await withStore { store in
            let long = String(repeating: "x", count: 80)
            let made = try await create("s", tools(long, long + "y", of: "s"), in: store)
            #expect(made.names.allSatisfy { $0.utf8.count == 64 } && Set(made.names).count == 2)
            let turned = try await refresh(made.id, tools(long + "y", long, of: "s"), in: store)
            #expect(turned == [long: made.names[0], long + "y": made.names[1]])
        }
    }
}
