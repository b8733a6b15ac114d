import AgentOSAutomation
import AgentOSCore
import AgentOSStore
import AgentOSWire

extension Operation {
    static func members(_ services: ControlServices) -> [Operation] {
        [
            list(services), invite(services),
            Operation(
                "members_remove", "Takes a member out of the workspace; the last owner stays.",
                [.required("member_id", .uuid, "The membership: `id` in members_list.")], access: .role(.admin),
                returns: .object([("ok", .boolean), ("member_id", .uuid)])
            ) { call in
                let id: MemberID = try call.parameters.id("member_id")
                try await services.members.remove(id, workspace: call.workspaceKey, by: call.role)
                services.keys.forgetAll()
                return OperationResult(["ok": true, "member_id": .string("\(id)")])
            },
        ]
    }

    private static let memberShape = ResultType.object([
        ("id", .uuid), ("user_id", .uuid), ("email", .string), ("name", .nullable(.string)), ("role", .string),
        ("joined_at", .time),
    ])

    private static let inviteShape = ResultType.object([
        ("id", .uuid), ("email", .string), ("role", .string), ("invited_at", .time), ("expires_at", .time),
    ])

    private static func list(_ services: ControlServices) -> Operation {
        Operation(
            "members_list", "Lists the members of the workspace and the open invites.", [], readOnly: true,
            access: .role(.viewer),
            returns: .object([("members", .array(memberShape)), ("invites", .array(inviteShape))])
        ) { call in
            let (members, invites) = try await services.members.list(workspace: call.workspaceKey)
            let shownMembers: [JSONValue] = members.map { member in
                [
                    "id": .string("\(member.id)"), "user_id": .string("\(member.userID)"),
                    "email": .string(member.email), "name": .optional(member.name),
                    "role": .string(member.role.word), "joined_at": .time(member.joinedAt),
                ]
            }
            let shownInvites: [JSONValue] = invites.map { invite in
                [
                    "id": .string("\(invite.id)"), "email": .string(invite.email), "role": .string(invite.role.word),
                    "invited_at": .time(invite.createdAt), "expires_at": .time(invite.expiresAt),
                ]
            }
            return OperationResult(["members": .array(shownMembers), "invites": .array(shownInvites)])
        }
    }

    private static func invite(_ services: ControlServices) -> Operation {
        Operation(
            "members_invite",
            "Makes a link with which somebody can join, for seven days; it is mailed when there is a mail server.",
            [
                .required("email", .string(1...254), "Whom to invite."),
                .required("role", .choice(["admin", "member", "viewer"]), "What they may do."),
            ], access: .role(.admin),
            returns: .object([
                ("invite_id", .uuid), ("id", .uuid), ("email", .string), ("role", .string), ("invite_url", .string),
                ("expires_at", .time),
            ])
        ) { call in
            let email = try call.parameters.requiredString("email")
            guard MailAddresses.isAddress(email) else {
                throw AgentOSError.invalid("email", "must be an e-mail address")
            }
            let role = call.parameters.string("role").flatMap(Role.init(word:)) ?? .viewer
            let settings = services.automation.settings
            let link = { @Sendable (token: String) in settings.publicURL + Route.invitesPrefix + token }
            let (invite, token) = try await services.members.invite(
                email: email, role: role, workspace: call.workspace,
                mailing: settings.mailServer == nil ? nil : link)
            return OperationResult([
                "invite_id": .string("\(invite.id)"), "id": .string("\(invite.id)"), "email": .string(email),
                "role": .string(role.word), "invite_url": .string(link(token)), "expires_at": .time(invite.expiresAt),
            ])
        }
    }
}
