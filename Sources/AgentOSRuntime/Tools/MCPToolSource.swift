import AgentOSCore
import AgentOSMCP
import AgentOSOutbound
import AgentOSStore
import Synchronization

/// Tools of a workspace's MCP servers. A server that does not answer keeps its tools: they are offered and fail.
public final class MCPToolSource: ToolSource {
    /// Seconds after which a server that is used is asked for its tools again.
    private static let refreshSeconds = 300.0
    private static let clientBound = 500

    private struct Kept {
        let client: MCPClient
        let url: String
        let secret: String?
    }

    private struct State {
        var clients: [MCPServerID: Kept] = [:]
        var refreshing: Set<MCPServerID> = []
    }

    private let store: MCPServerStore
    private let outbound: OutboundClient
    private let clock: WallClock
    private let state = Mutex(State())

    public init(store: MCPServerStore, outbound: OutboundClient, clock: WallClock) {
        self.store = store
        self.outbound = outbound
        self.clock = clock
    }

    public func tools(named names: [String], workspace: WorkspaceRef) async throws -> [any Tool] {
        guard names.contains(where: { $0.hasPrefix(MCPToolNames.prefix) }) else { return [] }
        let wanted = Set(names)
        var found: [any Tool] = []
        for server in try await store.list(workspace: workspace.key) {
            let tools = server.tools.filter { wanted.contains($0.agentName) }
            guard !tools.isEmpty else { continue }
            refreshIfOld(server, workspace.key)
            let kept = try? kept(for: server)
            found += tools.map {
                MCPServerTool(server: server.name, record: $0, client: kept?.client, secret: kept?.secret)
            }
        }
        return found
    }

    /// Connects and lists the tools, named as agents use them.
    /// - Throws: `MCPError`
    public func discover(name: String, url: String, secret: String?) async throws -> [MCPToolRecord] {
        let client = MCPClient(url: url, token: secret, client: outbound)
        do {
            let tools = try await client.listTools()
            await client.close()
            return MCPToolNames.records(tools, server: name)
        } catch {
            await client.close()
            throw error
        }
    }

    /// Asks a server for its tools.
    /// - Throws: `MCPError`; what the server listed before is kept then.
    public func refresh(_ server: MCPServerRecord, workspace: Int64) async throws {
        do {
            let tools = try await kept(for: server).client.listTools()
            try await store.refreshed(
                server.id, workspace: workspace, tools: MCPToolNames.records(tools, server: server.name), error: nil)
        } catch let error as MCPError {
            try await store.refreshed(server.id, workspace: workspace, tools: nil, error: error.message)
            throw error
        }
    }

    public func forget(_ id: MCPServerID) async {
        let kept = state.withLock { $0.clients.removeValue(forKey: id) }
        await kept?.client.close()
    }

    /// - Throws: when the server's secret was sealed under another master key.
    private func kept(for server: MCPServerRecord) throws -> Kept {
        if let kept = state.withLock({ $0.clients[server.id] }), kept.url == server.url { return kept }
        let secret = try store.secret(of: server)
        let made = Kept(
            client: MCPClient(url: server.url, token: secret, client: outbound), url: server.url, secret: secret)
        return state.withLock { state in
            // Two runs at once share the first one's session.
            if let kept = state.clients[server.id], kept.url == server.url { return kept }
            if state.clients.count >= Self.clientBound { state.clients.removeAll() }
            state.clients[server.id] = made
            return made
        }
    }

    /// In the background: a run does not wait for it.
    private func refreshIfOld(_ server: MCPServerRecord, _ workspace: Int64) {
        let age = Double(clock.now().microseconds - (server.refreshedAt?.microseconds ?? 0)) / 1e6
        guard age > Self.refreshSeconds else { return }
        guard state.withLock({ $0.refreshing.insert(server.id).inserted }) else { return }
        // Bounded by the set above and by the client's own time limit.
        Task {
            try? await refresh(server, workspace: workspace)
            _ = state.withLock { $0.refreshing.remove(server.id) }
        }
    }
}

/// Names of MCP tools as model providers accept them: `[A-Za-z0-9_-]`, 64 characters at most.
enum MCPToolNames {
    static let prefix = "mcp_"
    private static let bound = 64

    static func records(_ tools: [MCPTool], server: String) -> [MCPToolRecord] {
        var taken = Set<String>()
        return tools.map { tool in
            MCPToolRecord(
                agentName: unique(server, tool.name, &taken), name: tool.name, description: tool.description,
                inputSchema: tool.inputSchema, isReadOnly: tool.isReadOnly, isIdempotent: tool.isIdempotent)
        }
    }

    private static func unique(_ server: String, _ tool: String, _ taken: inout Set<String>) -> String {
        let plain = prefix + clean(server) + "_" + clean(tool)
        if plain.utf8.count <= bound, taken.insert(plain).inserted { return plain }
        var number = 1
        while true {
            let mark = "_\(number)"
            let name = String(plain.prefix(bound - mark.utf8.count)) + mark
            if taken.insert(name).inserted { return name }
            number += 1
        }
    }

    private static func clean(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar -> Character in
                let isPlain =
                    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(Character(scalar)))
                return isPlain || scalar == "-" || scalar == "_" ? Character(scalar) : "_"
            })
    }
}
