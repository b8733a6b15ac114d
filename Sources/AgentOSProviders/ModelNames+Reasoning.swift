import AgentOSCore

extension ModelNames {
    /// Whether an OpenAI model reasons: those take `max_completion_tokens` and no temperature.
    static func reasons(_ model: String) -> Bool {
        ["o1", "o3", "o4", "gpt-5"].contains(where: model.lowercased().hasPrefix)
    }
}
