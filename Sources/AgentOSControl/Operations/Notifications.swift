import AgentOSCore
import AgentOSStore

extension Operation {
    static func notifications(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "notifications_list", "Lists what the members were told, newest first.",
                [.optional("unread_only", .boolean, "Only unread ones (default false)."), .limit(), .cursor],
                readOnly: true, access: .role(.viewer),
                returns: .array(
                    .object([
                        ("id", .uuid), ("type", .choice(NotificationKind.allCases.map(\.rawValue))), ("title", .string),
                        ("body", .string), ("agent_id", .nullable(.uuid)), ("run_id", .nullable(.uuid)),
                        ("read", .boolean), ("created_at", .time),
                    ]))
            ) { call in
                let found = try await services.notifications.list(
                    workspace: call.workspaceKey, unreadOnly: call.parameters.bool("unread_only") ?? false,
                    call.page())
                return .page(found) { note in
                    [
                        "id": .string("\(note.id)"), "type": .string(note.kind), "title": .string(note.title),
                        "body": .string(note.body), "agent_id": .optional(note.agentID?.description),
                        "run_id": .optional(note.runID?.description), "read": .bool(note.isRead),
                        "created_at": .time(note.createdAt),
                    ]
                }
            },
            Operation(
                "notifications_mark_read", "Marks one notification, or all, as read.",
                [.optional("notification_id", .uuid, "The notification; left out: all of the workspace.")],
                access: .role(.viewer), returns: .object([("ok", .boolean), ("updated", .integer)])
            ) { call in
                let id: NotificationID? = call.parameters.optionalID("notification_id")
                let updated = try await services.notifications.markRead(id, workspace: call.workspaceKey)
                return OperationResult(["ok": true, "updated": .int(updated)])
            },
        ]
    }
}
