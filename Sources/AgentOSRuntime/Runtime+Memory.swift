import AgentOSCore
import AgentOSStore
import AgentOSWire

extension Runtime {
    /// Messages of a conversation that are replayed at most.
    private static let replayedMessages = 50
    /// The context of a model that the price book does not know, in tokens.
    private static let defaultContext = 128_000
    /// Fewer bytes a token than texts of most languages have, so that the cut comes rather early than late.
    private static let bytesPerToken = 3

    struct Memory: Sendable {
        var session = HostedRunStore.Session.none
        var history: [ModelMessage] = []
        /// Earlier messages that the model does not see any more.
        var dropped = 0
    }

    func memory(_ request: InvokeRequest, _ agent: Agent, _ plan: RunPlan) async throws -> Memory {
        switch request.memory {
        case .none: return Memory()
        case .history(let turns):
            let kept = cut(turns, plan)
            return Memory(history: kept, dropped: turns.count - kept.count)
        case .startSession: return Memory(session: .start(externalUserID: request.externalUserID))
        case .session(let id):
            let user = request.externalUserID
            let conversation = try await services.conversations.ref(id, agent: agent.key, externalUserID: user)
            let messages = try await services.conversations.messages(conversation.key, limit: Self.replayedMessages)
            let kept = cut(
                messages.map { $0.isUser ? .user($0.content) : .assistant(text: $0.content, toolCalls: []) }, plan)
            return Memory(
                session: .resume(conversation, externalUserID: user), history: kept,
                dropped: max(0, conversation.messageCount - kept.count))
        }
    }

    /// The newest whole turns that fit the model's context beside prompt and reply.
    private func cut(_ messages: [ModelMessage], _ plan: RunPlan) -> [ModelMessage] {
        let context = settings.prices.contextTokens(of: plan.model) ?? Self.defaultContext
        var left = (context - plan.maxTokens) * Self.bytesPerToken - plan.system.utf8.count - plan.prompt.utf8.count
        var kept: [ModelMessage] = []
        for message in messages.reversed() {
            left -= message.size + 16
            if left < 0 { break }
            kept.append(message)
        }
        if kept.count == messages.count { return messages }
        // A turn begins with its user message.
        while case .assistant? = kept.last { kept.removeLast() }
        return kept.reversed()
    }
}
