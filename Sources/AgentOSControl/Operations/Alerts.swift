import AgentOSCore
import AgentOSStore

extension Operation {
    static func alerts(_ services: ControlServices) -> [Operation] {
        [list(services), create(services), update(services), delete(services), test(services)]
    }

    private static let id = Parameter.required("alert_id", .uuid, "The rule.")
    private static let shape = ResultType.object([
        ("id", .uuid), ("name", .string), ("condition_type", .choice(AlertCondition.types)),
        ("agent_id", .nullable(.uuid)), ("condition_config", .freeObject), ("channels", .array(.string)),
        ("notification_config", .freeObject), ("active", .boolean), ("last_triggered_at", .nullable(.time)),
        ("created_at", .time),
    ])

    private static func view(_ rule: AlertRule) -> JSONValue {
        [
            "id": .string("\(rule.id)"), "name": .string(rule.name), "condition_type": .string(rule.conditionType),
            "agent_id": .optional(rule.agentID?.description), "condition_config": .object(rule.conditionConfig),
            "channels": .array(rule.channels.map(JSONValue.string)),
            "notification_config": .object(rule.notificationConfig), "active": .bool(rule.isActive),
            "last_triggered_at": .time(rule.lastTriggeredAt), "created_at": .time(rule.createdAt),
        ]
    }

    private static func list(_ services: ControlServices) -> Operation {
        Operation(
            "alerts_list", "Lists the workspace's alert rules, oldest first.",
            [
                .optional("active_only", .boolean, "Only active ones (default false)."),
                .limit(1...1000, default: 1000), .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(shape)
        ) { call in
            let rules = try await services.alerts.list(
                workspace: call.workspaceKey, activeOnly: call.parameters.bool("active_only") ?? false,
                call.page(1000))
            return .page(rules, view)
        }
    }

    private static let channels = ParameterType.array(.choice(["email", "webhook"]), 1...2)

    private static func create(_ services: ControlServices) -> Operation {
        Operation(
            "alerts_create", "Creates a rule that raises an alarm.",
            [
                .required("name", .string(1...120), "Its name."),
                .required("condition_type", .choice(AlertCondition.types), "What it watches for."),
                .required("channels", channels, "How people are told, besides the notification here."),
                .optional("agent_id", .uuid, "Only this agent; left out: the whole workspace."),
                .optional(
                    "condition_config", .object,
                    "threshold_ms; threshold_pct with window_minutes or window_runs; window_minutes; threshold_usd."),
                .optional("notification_config", .object, "{email?, webhook_url?}"),
            ], access: .role(.member),
            returns: .object([("alert_id", .uuid), ("id", .uuid), ("name", .string), ("active", .boolean)])
        ) { call in
            let parameters = call.parameters
            let name = try parameters.requiredString("name")
            let type = try parameters.requiredString("condition_type")
            let config = try AlertCondition.checked(type, parameters.object("condition_config") ?? JSONObject())
            let channels = parameters.strings("channels") ?? []
            let notification = parameters.object("notification_config") ?? JSONObject()
            try await check(notification, for: channels, services)
            var agent: Int64?
            if let id: AgentID = parameters.optionalID("agent_id") {
                agent = try await services.agents.agent(id, workspace: call.workspaceKey).key
            }
            let (id, secret) = try await services.alerts.create(
                workspace: call.workspaceKey, agent: agent, name: name, type: type, config: config, channels: channels,
                notification: notification)
            var answer: JSONObject = [
                "alert_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(name), "active": true,
            ]
            if let secret { answer["webhook_secret"] = .string(secret) }
            return OperationResult(.object(answer))
        }
    }

    /// Each channel needs its address.
    private static func check(_ config: JSONObject, for channels: [String]) throws {
        for (name, value) in config.members {
            guard ["email", "webhook_url"].contains(name) else {
                throw AgentOSError.invalid(
                    "notification_config.\(name.prefix(80))", "is unknown; there are email and webhook_url")
            }
            guard value.isNull || value.stringValue != nil else {
                throw AgentOSError.invalid("notification_config.\(name)", "must be a string")
            }
        }
        if channels.contains("email") {
            try checkAddresses(config["email"]?.stringValue ?? "", "notification_config.email")
        }
        if channels.contains("webhook"), config["webhook_url"]?.stringValue == nil {
            throw AgentOSError.invalid("notification_config.webhook_url", "is required for the channel webhook")
        }
    }

    /// Each channel needs its address, and a webhook's has to be one that may be called.
    private static func check(
        _ config: JSONObject, for channels: [String], _ services: ControlServices
    ) async throws {
        try check(config, for: channels)
        if channels.contains("webhook"), let url = config["webhook_url"]?.stringValue {
            try await services.checkURL(url, "notification_config.webhook_url", requiringTLS: true)
        }
    }

    private static func update(_ services: ControlServices) -> Operation {
        Operation(
            "alerts_update", "Changes the given fields of a rule.",
            [
                id, .optional("name", .string(1...120), "Its name.").lasting,
                .optional("condition_config", .object, "Replaces the thresholds; null takes the defaults."),
                .optional("channels", channels, "Replaces the channels.").lasting,
                .optional("notification_config", .object, "Replaces the addresses.").lasting,
                .optional("active", .boolean, "On or off.").lasting,
                .refused("condition_type", "cannot be changed: make another rule"),
                .refused("agent_id", "cannot be changed: make another rule"),
            ], access: .role(.member), returns: .object([("ok", .boolean), ("alert_id", .uuid), ("alert", shape)])
        ) { call in
            let (parameters, workspace) = (call.parameters, try call.workspaceKey)
            let id: AlertID = try parameters.id("alert_id")
            // Whether an address may be called takes a while to find out: it is asked before, of the rule as it is.
            var draft = try await services.alerts.rule(id, workspace: workspace)
            try apply(parameters, to: &draft)
            if changesChannels(parameters) {
                try await check(draft.notificationConfig, for: draft.channels, services)
            }
            let (rule, secret) = try await services.alerts.update(id, workspace: workspace) { rule in
                try apply(parameters, to: &rule)
                if changesChannels(parameters) { try check(rule.notificationConfig, for: rule.channels) }
            }
            var answer: JSONObject = ["ok": true, "alert_id": .string("\(rule.id)"), "alert": view(rule)]
            if let secret { answer["webhook_secret"] = .string(secret) }
            return OperationResult(.object(answer))
        }
    }

    private static func changesChannels(_ parameters: Parameters) -> Bool {
        parameters.mentions("channels") || parameters.mentions("notification_config")
    }

    private static func apply(_ parameters: Parameters, to rule: inout AlertRule) throws {
        if let name = parameters.string("name") { rule.name = name }
        if let config = parameters.object("condition_config") {
            rule.conditionConfig = try AlertCondition.checked(rule.conditionType, config)
        } else if parameters.mentions("condition_config") {
            guard let defaults = try? AlertCondition.checked(rule.conditionType, JSONObject()) else {
                throw AgentOSError.invalid(
                    "condition_config", "cannot be cleared: \(rule.conditionType) needs to know what to watch for")
            }
            rule.conditionConfig = defaults
        }
        if let channels = parameters.strings("channels") { rule.channels = channels }
        if let config = parameters.object("notification_config") { rule.notificationConfig = config }
        if let active = parameters.bool("active") { rule.isActive = active }
    }

    private static func delete(_ services: ControlServices) -> Operation {
        Operation(
            "alerts_delete", "Deletes a rule.", [id], access: .role(.member),
            returns: .object([("ok", .boolean), ("alert_id", .uuid)])
        ) { call in
            let rule = try await services.alerts.rule(call.parameters.id("alert_id"), workspace: call.workspaceKey)
            try await services.alerts.delete(rule)
            return OperationResult(["ok": true, "alert_id": .string("\(rule.id)")])
        }
    }

    private static func test(_ services: ControlServices) -> Operation {
        Operation(
            "alerts_test", "Raises a rule's alarm once, to try its channels.", [id], access: .role(.member),
            returns: .object([("ok", .boolean), ("alert_id", .uuid)])
        ) { call in
            let id: AlertID = try call.parameters.id("alert_id")
            try await services.alerts.test(id, workspace: call.workspaceKey)
            return OperationResult(["ok": true, "alert_id": .string("\(id)")])
        }
    }

    /// - Throws: VALIDATION_ERROR naming the field unless the text is one or several addresses with commas between them.
    static func checkAddresses(_ text: String, _ field: String) throws {
        let addresses = MailAddresses.split(text)
        guard !addresses.isEmpty, addresses.count <= 20, addresses.allSatisfy(MailAddresses.isAddress) else {
            throw AgentOSError.invalid(field, "must be one or several e-mail addresses with commas between them")
        }
    }
}
