import AgentOSCore
import AgentOSStore

extension Operation {
    static func resources(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "resources_list", "Lists the workspace's files by name, without their content.",
                [.limit(1...ResourceStore.bound, default: ResourceStore.bound), .cursor], readOnly: true,
                access: .role(.viewer), returns: .array(.resource)
            ) { call in
                let found = try await services.resources.list(
                    workspace: call.workspaceKey, call.page(ResourceStore.bound))
                return .page(found) { resource in
                    [
                        "id": .string("\(resource.id)"), "filename": .string(resource.filename),
                        "mime_type": .string(resource.mimeType), "size_bytes": .int(resource.sizeBytes),
                        "created_at": .time(resource.createdAt), "updated_at": .time(resource.updatedAt),
                    ]
                }
            },
            Operation(
                "resources_create", "Stores a text file; a name that is taken gets a number.",
                [
                    .required("filename", .string(1...200), "Its name, without path separators."),
                    .required("content", .string(0...Int.max), "Its text, at most 10 MB as UTF-8."),
                    .optional(
                        "mime_type",
                        .choice(["text/plain", "text/markdown", "text/csv", "text/html", "application/json"]),
                        "Its type (default: by the name's extension)."),
                ], access: .role(.member),
                returns: .object([
                    ("filename", .string), ("resource_id", .uuid), ("id", .uuid), ("mime_type", .string),
                    ("size_bytes", .integer),
                ])
            ) { call in
                let filename = try call.parameters.requiredString("filename")
                try checkFilename(filename)
                try services.admission.check()
                let resource = try await services.resources.create(
                    workspace: call.workspaceKey, filename: filename,
                    mimeType: call.parameters.string("mime_type") ?? mimeType(of: filename),
                    content: try call.parameters.requiredString("content"))
                return OperationResult([
                    "filename": .string(resource.filename), "resource_id": .string("\(resource.id)"),
                    "id": .string("\(resource.id)"), "mime_type": .string(resource.mimeType),
                    "size_bytes": .int(resource.sizeBytes),
                ])
            },
            Operation(
                "resources_delete", "Deletes a file; agents it is pinned to go on without it.",
                [.required("filename", .string(1...200), "Its name.")], access: .role(.member),
                returns: .object([("ok", .boolean), ("filename", .string)])
            ) { call in
                let filename = try call.parameters.requiredString("filename")
                try await services.resources.delete(workspace: call.workspaceKey, filename: filename)
                return OperationResult(["ok": true, "filename": .string(filename)])
            },
        ]
    }

    private static func checkFilename(_ name: String) throws {
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar != "/" && scalar != "\\" && scalar.properties.generalCategory != .control
        }
        guard isPlain, name != ".", name != ".." else {
            throw AgentOSError.invalid("filename", "must be a plain name without path separators or control characters")
        }
    }

    private static func mimeType(of filename: String) -> String {
        guard let dot = filename.lastIndex(of: ".") else { return "text/plain" }
        return switch filename[filename.index(after: dot)...].lowercased() {
        case "md", "markdown": "text/markdown"
        case "csv": "text/csv"
        case "html", "htm": "text/html"
        case "json": "application/json"
        default: "text/plain"
        }
    }
}
