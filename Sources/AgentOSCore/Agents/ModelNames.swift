/// What the names of models say.
public enum ModelNames {
    /// The model of an agent that names none.
    public static func defaultModel(for provider: ProviderType) -> String {
        switch provider {
        case .anthropic: "claude-sonnet-4-5"
        case .openai: "gpt-4.1-mini"
        case .demo: "demo"
        }
    }

    /// The provider that a model belongs to; nil when its name does not tell.
    public static func provider(forModel model: String) -> ProviderType? {
        let name = model.lowercased()
        if name == "demo" { return .demo }
        if name.hasPrefix("claude") { return .anthropic }
        return ["gpt-", "chatgpt", "o1", "o3", "o4"].contains(where: name.hasPrefix) ? .openai : nil
    }
}
