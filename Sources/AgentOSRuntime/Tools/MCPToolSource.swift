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
        var found: [any Tool] = []
        // A name that two servers have from earlier days is the older one's.
        var left = Set(names)
        let servers = try await store.list(workspace: workspace.key)
        for server in servers.sorted(by: { ($0.createdAt, $0.id.bits) < ($1.createdAt, $1.id.bits) }) {
            let tools = server.tools.filter { left.remove($0.agentName) != nil }
            guard !tools.isEmpty else { continue }
            refreshIfOld(server, workspace.key)
            let kept = try? kept(for: server)
            found += tools.map {
                MCPServerTool(server: server.name, record: $0, client: kept?.client, secret: kept?.secret)
            }
        }
        return found
    }

    /// Connects and lists the tools, with their plain names.
    /// - Throws: `MCPError`
    public func discover(name: String, url: String, secret: String?) async throws -> [MCPToolRecord] {
        let client = MCPClient(url: url, token: secret, client: outbound)
        do {
            let tools = try await client.listTools()
            await client.close()
            return Self.records(tools, server: name)
        } catch {
            await client.close()
            throw error
        }
    }

    private static func records(_ tools: [MCPTool], server: String) -> [MCPToolRecord] {
        tools.map { tool in
            MCPToolRecord(
                agentName: MCPToolNames.plain(tool.name, of: server), name: tool.name, description: tool.description,
                inputSchema: tool.inputSchema, isReadOnly: tool.isReadOnly, isIdempotent: tool.isIdempotent)
        }
    }

    /// Asks a server for its tools.
    /// - Throws: `MCPError`; what the server listed before is kept then.
    public func refresh(_ server: MCPServerRecord, workspace: Int64) async throws {
        do {
            let tools = try await kept(for: server).client.listTools()
            try await store.refreshed(
                server.id, workspace: workspace, tools: Self.records(tools, server: server.name), error: nil)
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
