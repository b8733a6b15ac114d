import AgentOSCore
import AgentOSStore

extension Operation {
    static func audit(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "audit_list", "Lists who changed what, newest first; secrets are never part of it.",
                [
                    .optional("operation", .string(1...80), "Only calls of this method."),
                    .optional("object_id", .string(1...100), "Only changes of this object."),
                    .optional("since", .string(1...40), "Only from this time on (ISO 8601)."), .limit(), .cursor,
                ], readOnly: true, access: .role(.admin),
                returns: .array(
                    .object([
                        ("id", .uuid), ("operation", .string),
                        (
                            "actor",
                            .object([
                                ("kind", .string), ("email", .nullable(.string)), ("key_name", .nullable(.string)),
                                ("key_prefix", .nullable(.string)),
                            ])
                        ), ("object_type", .nullable(.string)), ("object_id", .nullable(.string)),
                        ("parameters", .freeObject), ("before", .nullable(.freeObject)),
                        ("after", .nullable(.freeObject)), ("created_at", .time),
                    ]))
            ) { call in
                let object = call.parameters.string("object_id")
                let records = try await services.audit.list(
                    workspace: call.workspaceKey,
                    .init(
                        operation: call.parameters.string("operation"),
                        objectID: object.map { UUIDBits($0)?.text ?? $0 },
                        since: try call.parameters.time("since")), call.page())
                return .page(records) { record in
                    [
                        "id": .string("\(record.id)"), "operation": .string(record.operation),
                        "actor": [
                            "kind": .string(record.actorKind), "email": .optional(record.actorEmail),
                            "key_name": .optional(record.keyName), "key_prefix": .optional(record.keyPrefix),
                        ], "object_type": .optional(record.objectType), "object_id": .optional(record.objectID),
                        "parameters": record.parameters ?? [:], "before": record.before ?? .null,
                        "after": record.after ?? .null, "created_at": .time(record.createdAt),
                    ]
                }
            }
        ]
    }
}

extension Parameters {
    /// - Throws: VALIDATION_ERROR when it is no ISO 8601 time.
    func time(_ name: String) throws -> Timestamp? {
        guard let text = string(name) else { return nil }
        guard let time = Timestamp(iso8601: text) else { throw AgentOSError.invalid(name, "must be an ISO 8601 time") }
        return time
    }
}
