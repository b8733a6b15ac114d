import AgentOSCore

/// How a workspace reaches a model provider.
public struct ProviderSetting: Sendable {
    public let provider: ProviderType
    public let apiKey: String
    public let baseURL: String?
}

/// Provider settings of a workspace as lists show them: never the key.
public struct ProviderRecord: Sendable {
    public let provider: ProviderType
    public let keyHint: String?
    public let baseURL: String?
    public let updatedAt: Timestamp
}

/// Provider keys stored per workspace, encrypted.
public final class ProviderStore: Sendable {
    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let vault: Vault

    public init(database: any Database, committer: GroupCommit, clock: WallClock, vault: Vault) {
        self.database = database
        self.committer = committer
        self.clock = clock
        self.vault = vault
    }

    static func context(_ workspace: WorkspaceID, _ provider: String) -> String { "provider:\(workspace):\(provider)" }

    public func set(_ workspace: WorkspaceRef, _ provider: ProviderType, apiKey: String, baseURL: String?) async throws
    {
        let sealed = try vault.seal(apiKey, context: Self.context(workspace.id, provider.rawValue))
        let hint = apiKey.count >= 12 ? "…" + apiKey.suffix(4) : nil
        let now = clock.now()
        try await committer.write(
            audit: .row(
                "provider", in: "provider_settings", where: "workspace_key = $1 AND provider = $2",
                [.int(workspace.key), .text(provider.rawValue)], id: provider.rawValue)
        ) { connection in
            try connection.run(
                """
                INSERT INTO provider_settings (workspace_key, provider, api_key, key_hint, base_url, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $6)
                ON CONFLICT (workspace_key, provider) DO UPDATE SET api_key = excluded.api_key,
                  key_hint = excluded.key_hint, base_url = excluded.base_url, updated_at = excluded.updated_at
                """,
                [
                    .int(workspace.key), .text(provider.rawValue), .blob(sealed), .optional(hint), .optional(baseURL),
                    .time(now),
                ])
        }
    }

    /// - Throws: VALIDATION_ERROR when the master key is another one than that under which the key was stored.
    public func get(_ workspace: WorkspaceRef, _ provider: ProviderType) async throws -> ProviderSetting? {
        let row = try await database.read { connection in
            try connection.row(
                "SELECT api_key, base_url FROM provider_settings WHERE workspace_key = $1 AND provider = $2",
                [.int(workspace.key), .text(provider.rawValue)]
            ) { ($0.bytes(0) ?? [], $0.text(1)) }
        }
        guard let (sealed, baseURL) = row else { return nil }
        do {
            let key = try vault.open(sealed, context: Self.context(workspace.id, provider.rawValue))
            return ProviderSetting(provider: provider, apiKey: key, baseURL: baseURL)
        } catch {
            throw AgentOSError(
                .validation,
                "The stored API key of the provider \(provider.rawValue) cannot be read: the master key is not the one "
                    + "it was stored under. Store it anew with providers_set.")
        }
    }

    public func list(workspace: Int64) async throws -> [ProviderRecord] {
        try await database.read { connection in
            try connection.rows(
                """
                SELECT provider, key_hint, base_url, updated_at FROM provider_settings WHERE workspace_key = $1
                ORDER BY provider
                """, [.int(workspace)]
            ) { row in
                ProviderRecord(
                    provider: ProviderType(rawValue: try row.requiredText(0)) ?? .demo, keyHint: row.text(1),
                    baseURL: row.text(2), updatedAt: Timestamp(microseconds: try row.requiredInt(3)))
            }
        }
    }

    /// - Throws: NOT_FOUND when nothing is stored for the provider.
    public func delete(workspace: Int64, _ provider: ProviderType) async throws {
        try await committer.write(
            audit: .row(
                "provider", in: "provider_settings", where: "workspace_key = $1 AND provider = $2",
                [.int(workspace), .text(provider.rawValue)], id: provider.rawValue)
        ) { connection in
            let changed = try connection.run(
                "DELETE FROM provider_settings WHERE workspace_key = $1 AND provider = $2",
                [.int(workspace), .text(provider.rawValue)])
            guard changed > 0 else {
                throw AgentOSError(.notFound, "No stored setting for the provider \(provider.rawValue).")
            }
        }
    }
}
