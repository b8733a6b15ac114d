import AgentOSCore
import AgentOSStore

extension Operation {
    static func conversations(_ services: ControlServices) -> [Operation] {
        let id = Parameter.required("conversation_id", .uuid, "The conversation: the session_id of its runs.")
        return [
            Operation(
                "conversations_list", "Lists conversations, latest activity first.",
                [
                    .optional("agent_id", .uuid, "Only those of this agent."),
                    .optional("external_user_id", .string(1...255), "Only those of this user."), .limit(), .cursor,
                ], readOnly: true, access: .role(.viewer), returns: .array(.conversation)
            ) { call in
                let page = try call.page()
                let agent: AgentID? = call.parameters.optionalID("agent_id")
                var agentKey: Int64?
                if let agent { agentKey = try await services.agents.agent(agent, workspace: call.workspaceKey).key }
                let found = try await services.conversations.list(
                    workspace: call.workspaceKey, agent: agentKey,
                    externalUserID: call.parameters.string("external_user_id"), page)
                return .page(found) { .object(view($0)) }
            },
            Operation(
                "conversations_get", "Shows a conversation with its newest messages, oldest first.",
                [id, .optional("message_limit", .integer(1...1000), "How many messages at most (default 100).")],
                readOnly: true, access: .role(.viewer), returns: .conversationWithMessages
            ) { call in
                let (record, messages) = try await services.conversations.get(
                    call.parameters.id("conversation_id"), workspace: call.workspaceKey,
                    messageLimit: call.parameters.int("message_limit") ?? 100)
                var out = view(record)
                out["messages"] = .array(
                    messages.map { message in
                        [
                            "role": message.isUser ? "user" : "assistant", "content": .string(message.content),
                            "run_id": .optional(message.runID?.description), "created_at": .time(message.createdAt),
                        ]
                    })
                return OperationResult(.object(out))
            },
            Operation(
                "conversations_delete", "Deletes a conversation with its messages; its runs stay.", [id],
                access: .role(.member), returns: .object([("ok", .boolean), ("conversation_id", .uuid)])
            ) { call in
                let id: ConversationID = try call.parameters.id("conversation_id")
                try await services.conversations.delete(id, workspace: call.workspaceKey)
                return OperationResult(["ok": true, "conversation_id": .string("\(id)")])
            },
        ]
    }

    private static func view(_ record: ConversationRecord) -> JSONObject {
        [
            "id": .string("\(record.id)"), "agent_id": .string("\(record.agentID)"),
            "external_user_id": .optional(record.externalUserID), "title": .optional(record.title),
            "message_count": .int(record.messageCount), "created_at": .time(record.createdAt),
            "last_message_at": .time(record.lastMessageAt),
        ]
    }
}
