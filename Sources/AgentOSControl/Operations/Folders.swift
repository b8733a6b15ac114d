import AgentOSCore
import AgentOSStore

extension Operation {
    static func folders(_ services: ControlServices) -> [Operation] {
        let id = Parameter.required("folder_id", .uuid, "The folder.")
        return [
            Operation(
                "folders_list", "Lists the folders by name, with how many agents are in each.",
                [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
                returns: .array(
                    .object([("id", .uuid), ("name", .string), ("agent_count", .integer), ("created_at", .time)]))
            ) { call in
                let folders = try await services.folders.list(workspace: call.workspaceKey, call.page(1000))
                return .page(folders) { folder in
                    [
                        "id": .string("\(folder.id)"), "name": .string(folder.name),
                        "agent_count": .int(folder.agentCount), "created_at": .time(folder.createdAt),
                    ]
                }
            },
            Operation(
                "folders_create", "Creates a folder for agents.",
                [.required("name", .string(1...80), "Its name, unique in the workspace.")], access: .role(.member),
                returns: .object([("folder_id", .uuid), ("id", .uuid), ("name", .string)])
            ) { call in
                let name = try call.parameters.requiredString("name")
                let id = try await services.folders.create(name: name, workspace: call.workspaceKey)
                return OperationResult(["folder_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(name)])
            },
            Operation(
                "folders_delete", "Deletes a folder; its agents stay, in no folder.", [id], access: .role(.member),
                returns: .object([("ok", .boolean), ("folder_id", .uuid), ("agents_moved", .integer)])
            ) { call in
                let folder: FolderID = try call.parameters.id("folder_id")
                let moved = try await services.folders.delete(folder, workspace: call.workspaceKey)
                services.agents.forgetAll()
                return OperationResult([
                    "ok": true, "folder_id": .string("\(folder)"), "agents_moved": .int(moved),
                ])
            },
        ]
    }
}
