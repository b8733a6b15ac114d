import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSStore
import Synchronization

/// Which model provider answers for a workspace: its own stored key, else the operator's from the environment.
///
/// A key from the environment is only ever sent to the base URL from the environment or the vendor's own; a stored base
/// URL comes with its own key and passes the outbound guard (contract 7.1).
public final class ProviderDirectory: Sendable {
    /// Keys and base URLs of the environment.
    public struct Environment: Sendable {
        public var anthropicKey: String?
        public var anthropicBaseURL: String?
        public var openAIKey: String?
        public var openAIBaseURL: String?

        public init() {}

        func key(_ provider: ProviderType) -> String? {
            switch provider {
            case .anthropic: anthropicKey
            case .openai: openAIKey
            case .demo: nil
            }
        }

        func baseURL(_ provider: ProviderType) -> String? {
            switch provider {
            case .anthropic: anthropicBaseURL
            case .openai: openAIBaseURL
            case .demo: nil
            }
        }
    }

    private struct Slot: Hashable {
        let workspace: Int64
        let provider: ProviderType
    }

    private let environment: Environment
    private let store: ProviderStore
    private let client: OutboundClient
    private let remembered = Mutex<[Slot: any ModelProvider]>([:])

    public init(environment: Environment, store: ProviderStore, client: OutboundClient) {
        self.environment = environment
        self.store = store
        self.client = client
    }

    /// - Throws: VALIDATION_ERROR when there is no key for the provider.
    public func provider(_ type: ProviderType, workspace: WorkspaceRef) async throws -> any ModelProvider {
        guard let provider = try await find(type, workspace: workspace) else {
            throw AgentOSError(.validation, Self.missingKey(of: type))
        }
        return provider
    }

    static func missingKey(of type: ProviderType) -> String {
        "No API key for the provider \(type.rawValue): set \(type.rawValue.uppercased())_API_KEY for the server, "
            + "or store one with providers_set."
    }

    /// Nil when there is no key for the provider.
    public func find(_ type: ProviderType, workspace: WorkspaceRef) async throws -> (any ModelProvider)? {
        if type == .demo { return DemoProvider() }
        let slot = Slot(workspace: workspace.key, provider: type)
        if let known = remembered.withLock({ $0[slot] }) { return known }
        guard let credentials = try await credentials(type, workspace) else { return nil }
        let provider: any ModelProvider =
            switch type {
            case .anthropic: AnthropicMessages(client: client, credentials: credentials)
            case .openai: OpenAIChat(client: client, credentials: credentials)
            case .demo: DemoProvider()
            }
        let retrying = RetryingProvider(provider)
        remembered.withLock { $0[slot] = retrying }
        return retrying
    }

    private func credentials(_ type: ProviderType, _ workspace: WorkspaceRef) async throws -> ProviderCredentials? {
        if let stored = try await store.get(workspace, type) {
            return ProviderCredentials(
                apiKey: stored.apiKey, baseURL: stored.baseURL ?? Self.vendorURL(type), guarded: stored.baseURL != nil)
        }
        guard let key = environment.key(type), !key.isEmpty else { return nil }
        return ProviderCredentials(
            apiKey: key, baseURL: environment.baseURL(type) ?? Self.vendorURL(type), guarded: false)
    }

    private static func vendorURL(_ type: ProviderType) -> String {
        type == .anthropic ? ProviderCredentials.anthropicBaseURL : ProviderCredentials.openAIBaseURL
    }

    /// The first provider a workspace has a key for that can be read.
    public func firstConfigured(workspace: WorkspaceRef) async throws -> ProviderType? {
        for type in [ProviderType.anthropic, .openai] {
            do {
                if try await credentials(type, workspace) != nil { return type }
            } catch let error as AgentOSError where error.code == .validation {
                continue
            }
        }
        return nil
    }

    /// Whether the environment has a key for the provider.
    public func isInEnvironment(_ type: ProviderType) -> Bool { environment.key(type)?.isEmpty == false }

    /// Called after a stored setting has changed.
    public func forget(workspace: Int64) {
        remembered.withLock { known in known = known.filter { $0.key.workspace != workspace } }
    }
}
