import AgentOSCore

/// The secrets of a store, of every kind: how many there are, and how many of them a master key opens. So a wrong key
/// is found when the server starts, and not when a secret is needed.
public struct SealedSecrets: Sendable, Equatable {
    public private(set) var count = 0
    public private(set) var readable = 0

    /// There are some, and none can be opened.
    public var areLost: Bool { count > 0 && readable == 0 }

    /// - Parameter vault: nil when there is no key; then none is readable.
    public static func counted(in database: any Database, by vault: Vault?) async throws -> SealedSecrets {
        try await database.read { connection in
            var found = SealedSecrets()
            for kind in kinds {
                try connection.each(kind.sql, []) { row in
                    guard let sealed = row.bytes(0) else { return true }
                    let context = try kind.context(row)
                    found.count += 1
                    if let vault, (try? vault.open(sealed, context: context)) != nil { found.readable += 1 }
                    return true
                }
            }
            return found
        }
    }

    /// A column with secrets: what is sealed comes first, then what its context is made of.
    private struct Kind: Sendable {
        let sql: String
        let context: @Sendable (any SQLRow) throws -> String
    }

    private static let inWorkspace = "JOIN workspaces w ON w.key = s.workspace_key"

    private static let kinds: [Kind] = [
        Kind(sql: "SELECT s.api_key, w.id, s.provider FROM provider_settings s \(inWorkspace)") {
            ProviderStore.context(WorkspaceID(try $0.bits(1)), try $0.requiredText(2))
        },
        Kind(sql: "SELECT s.auth_secret, w.id, s.id FROM workspace_tools s \(inWorkspace)") {
            WorkspaceToolStore.context(WorkspaceID(try $0.bits(1)), WorkspaceToolID(try $0.bits(2)), "secret")
        },
        Kind(sql: "SELECT s.headers, w.id, s.id FROM workspace_tools s \(inWorkspace)") {
            WorkspaceToolStore.context(WorkspaceID(try $0.bits(1)), WorkspaceToolID(try $0.bits(2)), "headers")
        },
        Kind(sql: "SELECT s.auth_secret, w.id, s.id FROM mcp_servers s \(inWorkspace)") {
            MCPServerStore.context(WorkspaceID(try $0.bits(1)), MCPServerID(try $0.bits(2)))
        },
        Kind(sql: "SELECT secret, id FROM webhooks") { WebhookStore.context(WebhookID(try $0.bits(1))) },
        Kind(sql: "SELECT secret, id FROM alert_rules") { AlertStore.context(AlertID(try $0.bits(1))) },
        Kind(sql: "SELECT h.secret, a.id FROM inbound_hooks h JOIN agents a ON a.key = h.agent_key") {
            InboundHookStore.context(AgentID(try $0.bits(1)))
        },
    ]
}
