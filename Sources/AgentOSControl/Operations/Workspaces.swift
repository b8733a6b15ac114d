import AgentOSCore
import AgentOSStore

extension Operation {
    static func workspaces(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "workspaces_list", "Lists the workspaces that this key can see, oldest first.",
                [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .anybody,
                returns: .array(.object([("id", .uuid), ("slug", .string), ("name", .string), ("role", .string)]))
            ) { call in
                let page = try call.page(1000)
                let all: [Membership]
                switch call.principal.scope {
                case .user(let user): all = try await services.workspaces.memberships(ofUser: user)
                case .workspace(let own), .agent(let own, _):
                    let workspace = try await services.workspaces.workspace(key: own.key)
                    all = workspace.map { [Membership(workspace: $0, role: .admin)] } ?? []
                }
                return .page(try Page(of: all, page) { ListPlace(.int($0.workspace.ref.key)) }) { membership in
                    [
                        "id": .string("\(membership.workspace.ref.id)"), "slug": .string(membership.workspace.slug),
                        "name": .string(membership.workspace.name), "role": .string(membership.role.word),
                    ]
                }
            },
            Operation(
                "workspaces_create", "Creates a workspace; the caller becomes its owner.",
                [
                    .required("name", .string(1...120), "Its name."),
                    .optional(
                        "slug", .string(1...WorkspaceStore.slugLength),
                        "Its short name in URLs; default: made from the name, with a number when it is taken."),
                ], access: .anyPerson,
                returns: .object([
                    ("workspace_id", .uuid), ("id", .uuid), ("slug", .string), ("name", .string), ("role", .string),
                ])
            ) { call in
                guard case .user(let user) = call.principal.scope else {
                    throw AgentOSError(.forbidden, "Only a person can create a workspace.")
                }
                let name = try call.parameters.requiredString("name")
                let given = call.parameters.string("slug")
                let slug = given ?? slug(from: name)
                guard isSlug(slug) else {
                    throw given != nil
                        ? AgentOSError.invalid(
                            "slug", "must be lower-case letters, digits and single hyphens, not a UUID")
                        : AgentOSError.invalid("name", "must not be a UUID, or needs a slug beside it")
                }
                let workspace = try await services.workspaces.create(
                    name: name, slug: slug, numbered: given == nil, owner: user)
                return OperationResult([
                    "workspace_id": .string("\(workspace.ref.id)"), "id": .string("\(workspace.ref.id)"),
                    "slug": .string(workspace.slug), "name": .string(workspace.name), "role": "owner",
                ])
            },
            Operation(
                "workspaces_delete",
                "Deletes a workspace for good, with its agents, keys, runs, conversations and everything else in it.",
                [.required("confirm", .string(1...60), "The workspace's slug, to show that it is meant.")],
                access: .person(.owner), returns: .object([("ok", .boolean), ("workspace_id", .uuid)])
            ) { call in
                let workspace = try call.workspace
                guard try call.parameters.requiredString("confirm") == workspace.slug else {
                    throw AgentOSError.invalid("confirm", "must be the workspace's slug, \(workspace.slug)")
                }
                let agents = try await services.workspaces.delete(workspace.ref)
                services.keys.forgetAll()
                services.agents.forgetAll()
                for agent in agents {
                    services.runs.forget(agent: agent)
                    services.runtime.cancelAll(ofAgent: agent)
                }
                try await services.humanInput.wakeOrphans()
                return OperationResult(["ok": true, "workspace_id": .string("\(workspace.ref.id)")])
            },
        ]
    }

    private static func isSlug(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return UUIDBits(text) == nil
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
            }
    }

    private static func slug(from name: String) -> String {
        let kept = name.lowercased().utf8.map { byte -> Character in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) ? Character(Unicode.Scalar(byte)) : "-"
        }
        let slug = String(kept).split(separator: "-").joined(separator: "-")
        // The cut can leave a hyphen at the end.
        let short = slug.prefix(WorkspaceStore.slugLength).split(separator: "-").joined(separator: "-")
        return short.isEmpty ? "workspace" : short
    }
}
