import AgentOSCore

/// Where `web_search` searches; set by the operator.
public struct WebSearchSettings: Sendable {
    public enum Backend: String, Sendable, CaseIterable {
        case searxng, brave, tavily
    }

    public let backend: Backend
    /// The instance of SearXNG; for the others another endpoint than the vendor's own.
    public let url: String?
    public let apiKey: String?

    public init(backend: Backend, url: String? = nil, apiKey: String? = nil) {
        self.backend = backend
        self.url = url
        self.apiKey = apiKey
    }

    /// Reads the settings `web_search_backend`, `web_search_url` and `web_search_api_key`. Nil when none is given.
    /// - Throws: VALIDATION_ERROR naming the setting.
    public static func read(
        backend: String?, url: String?, apiKey: String?
    ) throws(AgentOSError) -> WebSearchSettings? {
        guard let backend else {
            if url != nil { throw .invalid("web_search_url", "means nothing without web_search_backend") }
            if apiKey != nil { throw .invalid("web_search_api_key", "means nothing without web_search_backend") }
            return nil
        }
        guard let kind = Backend(rawValue: backend) else {
            throw .invalid("web_search_backend", "must be searxng, brave or tavily")
        }
        if let url, !["http://", "https://"].contains(where: { url.utf8.starts(with: $0.utf8) }) {
            throw .invalid("web_search_url", "must be an absolute http or https URL")
        }
        if kind == .searxng, url == nil { throw .invalid("web_search_url", "is required for searxng") }
        if kind != .searxng, apiKey == nil { throw .invalid("web_search_api_key", "is required for \(backend)") }
        return WebSearchSettings(backend: kind, url: url, apiKey: apiKey)
    }
}
