import AgentOSCore
import AgentOSStore

extension Operation {
    static func retention(_ services: ControlServices) -> [Operation] {
        let days = 1...36_500
        return [
            Operation(
                "retention_get", "Shows how many days the workspace keeps its data; null keeps it for ever.", [],
                readOnly: true, access: .role(.viewer), returns: .object(retentionMembers)
            ) { call in
                OperationResult(view(try await services.retention.get(workspace: call.workspaceKey)))
            },
            Operation(
                "retention_set",
                "Sets how many days the workspace keeps its data; what is left out stays as it is. Older data is removed "
                    + "for good, in small steps in the background.",
                [
                    .optional("event_days", .integer(days), "Events of ended runs; null keeps them. The runs stay."),
                    .optional("run_days", .integer(days), "Ended runs with their events; null keeps them."),
                    .optional(
                        "conversation_days", .integer(days), "Conversations, from their last message; null keeps them."),
                ], access: .role(.admin), returns: .object(retentionMembers)
            ) { call in
                let given = call.parameters.object
                return OperationResult(
                    view(
                        try await services.retention.update(workspace: call.workspaceKey) { settings in
                            if let value = given["event_days"] { settings.eventDays = value.intValue }
                            if let value = given["run_days"] { settings.runDays = value.intValue }
                            if let value = given["conversation_days"] { settings.conversationDays = value.intValue }
                        }))
            },
        ]
    }

    private static let retentionMembers: [(String, ResultType)] = [
        ("event_days", .nullable(.integer)), ("run_days", .nullable(.integer)),
        ("conversation_days", .nullable(.integer)), ("swept_at", .nullable(.time)), ("updated_at", .nullable(.time)),
    ]

    private static func view(_ settings: RetentionSettings) -> JSONValue {
        [
            "event_days": .optionalInt(settings.eventDays), "run_days": .optionalInt(settings.runDays),
            "conversation_days": .optionalInt(settings.conversationDays), "swept_at": .time(settings.sweptAt),
            "updated_at": .time(settings.updatedAt),
        ]
    }
}
