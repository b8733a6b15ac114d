import AgentOSCore
import AgentOSStore

extension Operation {
    static func webhooks(_ services: ControlServices) -> [Operation] {
        [
            list(services), create(services), update(services), delete(services), deliveries(services),
            redeliver(services), test(services),
        ]
    }

    private static let id = Parameter.required("webhook_id", .uuid, "The webhook.")
    private static let done: [(String, ResultType)] = [("ok", .boolean), ("webhook_id", .uuid)]

    private static func list(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_list", "Lists who is told of runs by HTTP, those of agents' settings among them, oldest first.",
            [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("id", .uuid), ("name", .nullable(.string)), ("url", .string), ("events", .array(.string)),
                    ("agent_id", .nullable(.uuid)), ("is_agent_setting", .boolean), ("enabled", .boolean),
                    ("disabled_at", .nullable(.time)), ("created_at", .time),
                ]))
        ) { call in
            let hooks = try await services.webhooks.list(workspace: call.workspaceKey, call.page(1000))
            return .page(hooks) { hook in
                [
                    "id": .string("\(hook.id)"), "name": .optional(hook.name), "url": .string(hook.url),
                    "events": .array(hook.events.map(JSONValue.string)),
                    "agent_id": .optional(hook.agentID?.description), "is_agent_setting": .bool(hook.isSetting),
                    "enabled": .bool(hook.isEnabled), "disabled_at": .time(hook.disabledAt),
                    "created_at": .time(hook.createdAt),
                ]
            }
        }
    }

    private static func create(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_create", "Has a URL told of runs of the workspace or of one agent.",
            [
                .required("url", .string(1...2000), "Where to; http or https."),
                .optional("events", .array(.choice(WebhookStore.events), 1...20), "Which events (default: all)."),
                .optional("agent_id", .uuid, "Only of this agent."), .optional("name", .string(1...120), "A label."),
            ], access: .role(.admin),
            returns: .object([("webhook_id", .uuid), ("id", .uuid), ("webhook_secret", .string)])
        ) { call in
            let url = try call.parameters.requiredString("url")
            try await services.checkURL(url, "url")
            var agent: Int64?
            if let id: AgentID = call.parameters.optionalID("agent_id") {
                agent = try await services.agents.agent(id, workspace: call.workspaceKey).key
            }
            let (id, secret) = try await services.webhooks.create(
                workspace: call.workspaceKey, agent: agent, name: call.parameters.string("name"), url: url,
                events: call.parameters.strings("events") ?? WebhookStore.events)
            return OperationResult([
                "webhook_id": .string("\(id)"), "id": .string("\(id)"), "webhook_secret": .string(secret),
            ])
        }
    }

    private static func update(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_update",
            "Changes the given fields of a webhook; enabling one again, or another URL, forgets its failures.",
            [
                id, .optional("url", .string(1...2000), "Where to.").lasting,
                .optional("events", .array(.choice(WebhookStore.events), 1...20), "Which events.").lasting,
                .optional("name", .string(1...120), "A label; null clears it."),
                .optional("enabled", .boolean, "Whether it is told.").lasting,
            ], access: .role(.admin), returns: .object(done)
        ) { call in
            let hook = try await services.webhooks.webhook(
                call.parameters.id("webhook_id"), workspace: call.workspaceKey)
            if let url = call.parameters.string("url") { try await services.checkURL(url, "url") }
            try await services.webhooks.update(
                hook, name: call.parameters.mentions("name") ? .some(call.parameters.string("name")) : nil,
                url: call.parameters.string("url"), events: call.parameters.strings("events"),
                enabled: call.parameters.bool("enabled"))
            services.agents.forgetAll()
            return OperationResult(["ok": true, "webhook_id": .string("\(hook.id)")])
        }
    }

    private static func delete(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_delete", "Deletes a webhook.", [id], access: .role(.admin), returns: .object(done)
        ) { call in
            let hook = try await services.webhooks.webhook(
                call.parameters.id("webhook_id"), workspace: call.workspaceKey)
            try await services.webhooks.delete(hook)
            services.agents.forgetAll()
            return OperationResult(["ok": true, "webhook_id": .string("\(hook.id)")])
        }
    }

    private static func deliveries(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_deliveries", "Lists what was sent to a webhook, newest first.", [id, .limit(), .cursor],
            readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("id", .uuid), ("event", .string), ("run_id", .nullable(.uuid)),
                    ("status", .choice(["pending", "delivered", "failed"])), ("attempts", .integer),
                    ("last_status", .nullable(.integer)), ("last_error", .nullable(.string)),
                    ("latency_ms", .nullable(.integer)), ("response_head", .nullable(.string)), ("created_at", .time),
                    ("finished_at", .nullable(.time)),
                ]))
        ) { call in
            let page = try call.page()
            let hook = try await services.webhooks.webhook(
                call.parameters.id("webhook_id"), workspace: call.workspaceKey)
            return .page(try await services.deliveries.list(hook: hook, page)) { delivery in
                [
                    "id": .string("\(delivery.id)"), "event": .string(delivery.event),
                    "run_id": .optional(delivery.runID?.description), "status": .string(delivery.status),
                    "attempts": .int(delivery.attempts), "last_status": .optionalInt(delivery.lastStatus),
                    "last_error": .optional(delivery.lastError),
                    "latency_ms": .optionalInt(delivery.latencyMilliseconds),
                    "response_head": .optional(delivery.responseHead), "created_at": .time(delivery.createdAt),
                    "finished_at": .time(delivery.finishedAt),
                ]
            }
        }
    }

    private static func redeliver(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_redeliver", "Sends a finished delivery once more, under the same delivery id.",
            [.required("delivery_id", .uuid, "The delivery.")], access: .role(.member),
            returns: .object([("ok", .boolean), ("delivery_id", .uuid)])
        ) { call in
            let id: DeliveryID = try call.parameters.id("delivery_id")
            try await services.deliveries.redeliver(id, workspace: call.workspaceKey)
            return OperationResult(["ok": true, "delivery_id": .string("\(id)")])
        }
    }

    private static func test(_ services: ControlServices) -> Operation {
        Operation(
            "webhooks_test", "Sends a webhook a test event.", [id], access: .role(.member), returns: .object(done)
        ) { call in
            let hook = try await services.webhooks.webhook(
                call.parameters.id("webhook_id"), workspace: call.workspaceKey)
            guard hook.isEnabled else {
                throw AgentOSError(.conflict, "This webhook is disabled: it is told nothing until it is enabled again.")
            }
            try await services.deliveries.test(hook, workspaceID: call.workspace.ref.id)
            return OperationResult(["ok": true, "webhook_id": .string("\(hook.id)")])
        }
    }
}
