import AgentOSOutbound
import AgentOSStore

/// The HTTP tools of a workspace, for its agents to call by name.
public struct WorkspaceToolSource: ToolSource {
    private let store: WorkspaceToolStore
    private let client: OutboundClient

    public init(store: WorkspaceToolStore, client: OutboundClient) {
        self.store = store
        self.client = client
    }

    public func tools(named names: [String], workspace: WorkspaceRef) async throws -> [any Tool] {
        guard !names.isEmpty else { return [] }
        let known = try await store.tools(workspace: workspace.key)
        return names.compactMap { known[$0] }.filter(\.isEnabled)
            .compactMap { WorkspaceHTTPTool($0, store: store, client: client) }
    }
}
