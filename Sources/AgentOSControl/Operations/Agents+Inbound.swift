import AgentOSCore
import AgentOSStore

/// What `agents_update` says about the link that starts an agent's runs.
struct InboundFields: Sendable {
    /// What comes of it.
    enum Outcome: Sendable {
        case untouched, removed
        /// A new link with this secret part.
        case made(token: String)
    }

    static let parameters: [Parameter] = [
        .optional("inbound_webhook", .boolean, "true: make a new link that starts runs; false: remove it.").lasting,
        .optional("inbound_webhook_secret", .string(1...200), "What senders sign with.").secret,
        .optional("inbound_webhook_style", .choice(InboundHookStore.styles), "How they sign (default agentos)."),
        .optional(
            "inbound_webhook_template", .object,
            "Which part of the body becomes which member of the input, as {member: path} with paths such as "
                + "$.issue.title; default: the body is the input."),
    ]

    /// What a link has besides its token.
    private static let settings = ["inbound_webhook_secret", "inbound_webhook_style", "inbound_webhook_template"]

    private let given: Parameters
    private let template: JSONObject?

    /// - Throws: VALIDATION_ERROR naming the field.
    init(_ given: Parameters) throws {
        self.given = given
        template = given.object("inbound_webhook_template")
        for (name, path) in template?.members ?? [] where path.stringValue.map(JSONPath.isPath) != true {
            throw AgentOSError.invalid(
                "inbound_webhook_template.\(name.prefix(80))", "must be a path such as $.issue.title")
        }
        if given.bool("inbound_webhook") == false { try refuseSettings("cannot be set on a link that is removed") }
    }

    private func refuseSettings(_ problem: String) throws {
        guard let name = Self.settings.first(where: { given.value($0) != nil }) else { return }
        throw AgentOSError.invalid(name, problem)
    }

    /// Makes, changes or removes the agent's link, in the transaction that changes the agent.
    /// - Throws: VALIDATION_ERROR naming the field for an agent that cannot have a link, or has none to be changed.
    func apply(
        to agent: Agent, _ hooks: InboundHookStore, trail: AuditTrail?, _ connection: any SQLConnection
    ) throws -> Outcome {
        switch given.bool("inbound_webhook") {
        case true?:
            guard agent.runtimeType == .hosted else {
                throw AgentOSError.invalid("inbound_webhook", "needs a hosted agent: this one runs elsewhere")
            }
            var hook = InboundHook()
            take(into: &hook)
            return .made(token: try hooks.make(hook, agent: agent, trail: trail, connection))
        case false?:
            try hooks.remove(agent: agent, trail: trail, connection)
            return .removed
        case nil:
            guard Self.settings.contains(where: given.mentions) else { return .untouched }
            let isThere = try hooks.change(agent: agent, trail: trail, connection) { take(into: &$0) }
            if !isThere { try refuseSettings("needs a link: set inbound_webhook to true") }
            return .untouched
        }
    }

    private func take(into hook: inout InboundHook) {
        if given.mentions("inbound_webhook_secret") { hook.secret = given.string("inbound_webhook_secret") }
        if given.mentions("inbound_webhook_style") {
            hook.style = given.string("inbound_webhook_style") ?? InboundHook().style
        }
        if given.mentions("inbound_webhook_template") { hook.template = template }
    }
}
