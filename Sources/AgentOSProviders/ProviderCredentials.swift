/// Where a provider is and what opens it.
public struct ProviderCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    public static let anthropicBaseURL = "https://api.anthropic.com"
    public static let openAIBaseURL = "https://api.openai.com/v1"

    /// Sent with every call; nil for servers that ask for none.
    public var apiKey: String?
    public var baseURL: String
    /// True unless the operator set the base URL in the environment: the outbound policy applies then.
    public var guarded: Bool

    public init(apiKey: String?, baseURL: String, guarded: Bool) {
        self.apiKey = apiKey
        self.baseURL = baseURL
        self.guarded = guarded
    }

    public static func anthropic(apiKey: String?) -> ProviderCredentials {
        ProviderCredentials(apiKey: apiKey, baseURL: anthropicBaseURL, guarded: false)
    }

    public static func openAI(apiKey: String?) -> ProviderCredentials {
        ProviderCredentials(apiKey: apiKey, baseURL: openAIBaseURL, guarded: false)
    }

    /// Never holds the key, so that it can be logged.
    public var description: String { "\(baseURL)\(apiKey == nil ? " without a key" : "")" }
    public var debugDescription: String { description }

    /// The key as it can stand in a header: a line break behind it in a file or variable is an accident.
    var headerKey: String? {
        guard let apiKey else { return nil }
        let bytes = apiKey.utf8.filter { $0 > 0x20 && $0 < 0x7f }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// The base URL without slashes at its end.
    var trimmedBase: Substring {
        var base = baseURL[...]
        while let last = base.last, last == "/" || last.isWhitespace { base.removeLast() }
        while let first = base.first, first.isWhitespace { base.removeFirst() }
        return base
    }
}
