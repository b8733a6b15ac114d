import AgentOSCore
import Crypto

/// Somebody with a role in a workspace.
public struct Member: Sendable {
    public let id: MemberID
    public let userID: UserID
    public let email: String
    public let name: String?
    public let role: Role
    public let joinedAt: Timestamp
}

/// A link that lets somebody join, until it is used or its time is up.
public struct Invite: Sendable {
    public let id: InviteID
    public let email: String
    public let role: Role
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
}

/// What the link of an invite leads to.
public struct OpenInvite: Sendable {
    public let invite: Invite
    public let workspace: Workspace
    /// Whose address it is, when it is that of a user.
    let user: Int64?

    /// Whether the address is that of a user, who alone can accept.
    public var isOfUser: Bool { user != nil }

    /// - Parameter asking: the user who wants to accept, known by a personal key; nil: nobody knows who.
    /// - Throws: UNAUTHENTICATED unless it is the user with the address, or there is none.
    public func check(_ asking: Int64?) throws {
        guard let user, asking != user else { return }
        throw AgentOSError(
            .unauthenticated,
            "\(invite.email) has an account here already: join with a personal key of it, sent as bearer token.")
    }
}

/// Who belongs to a workspace, and who is asked to.
public final class MemberStore: Sendable {
    /// Days that an invite's link works.
    public static let inviteDays = 7.0

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// Members, oldest first, and open invites, newest first.
    public func list(workspace: Int64) async throws -> (members: [Member], invites: [Invite]) {
        let now = clock.now()
        return try await database.read { connection in
            let members = try connection.rows(
                """
                SELECT m.id, u.id, u.email, u.name, m.role, m.created_at FROM members m JOIN users u ON u.key = m.user_key
                WHERE m.workspace_key = $1 ORDER BY m.key LIMIT 10000
                """, [.int(workspace)]
            ) { row in
                Member(
                    id: MemberID(try row.bits(0)), userID: UserID(try row.bits(1)), email: try row.requiredText(2),
                    name: row.text(3), role: Role(word: try row.requiredText(4)) ?? .viewer,
                    joinedAt: Timestamp(microseconds: try row.requiredInt(5)))
            }
            let invites = try connection.rows(
                """
                SELECT id, email, role, created_at, expires_at FROM invites
                WHERE workspace_key = $1 AND accepted_at IS NULL AND expires_at > $2 ORDER BY key DESC LIMIT 10000
                """, [.int(workspace), .time(now)], Self.decodeInvite)
            return (members, invites)
        }
    }

    private static func decodeInvite(_ row: any SQLRow) throws -> Invite {
        Invite(
            id: InviteID(try row.bits(0)), email: try row.requiredText(1),
            role: Role(word: try row.requiredText(2)) ?? .viewer,
            createdAt: Timestamp(microseconds: try row.requiredInt(3)),
            expiresAt: Timestamp(microseconds: try row.requiredInt(4)))
    }

    /// Makes a link for an address; an open one of the same address stops working.
    /// - Parameter link: makes the link of its secret part, for a mail to the address; nil when there is no mail server.
    /// - Returns: the invite and the secret part of its link, which is not kept.
    /// - Throws: CONFLICT when the address belongs to a member.
    public func invite(
        email: String, role: Role, workspace: Workspace,
        mailing link: (@Sendable (_ token: String) -> String)?
    ) async throws -> (invite: Invite, token: String) {
        let now = clock.now()
        let token = RandomText.alphanumeric(40)
        let invite = Invite(
            id: .new(at: now), email: email, role: role, createdAt: now,
            expiresAt: now.advanced(bySeconds: Self.inviteDays * 86_400))
        try await committer.write(audit: .row("invite", in: "invites", where: "id = $1", [.id(invite.id)])) {
            connection in
            let member = try connection.int(
                """
                SELECT 1 FROM members m JOIN users u ON u.key = m.user_key
                WHERE m.workspace_key = $1 AND lower(u.email) = lower($2)
                """, [.int(workspace.ref.key), .text(email)])
            guard member == nil else { throw AgentOSError(.conflict, "\(email) is a member already.") }
            try connection.run(
                "DELETE FROM invites WHERE workspace_key = $1 AND lower(email) = lower($2) AND accepted_at IS NULL",
                [.int(workspace.ref.key), .text(email)])
            try connection.run(
                """
                INSERT INTO invites (id, workspace_key, email, role, token_digest, created_at, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    .id(invite.id), .int(workspace.ref.key), .text(email), .text(role.word),
                    .blob(Self.digest(token)), .time(now), .time(invite.expiresAt),
                ])
            if let link {
                try Self.mail(invite, to: workspace, link(token)).enqueue(now: now, connection)
            }
        }
        return (invite, token)
    }

    private static func mail(_ invite: Invite, to workspace: Workspace, _ link: String) -> OutgoingMail {
        OutgoingMail(
            to: [invite.email], subject: "You are invited to \(workspace.name)",
            lead: "You are invited to the workspace \(workspace.name). Open the link to join.",
            facts: [
                ("Link", link), ("Role", invite.role.word), ("Works until", invite.expiresAt.iso8601),
            ], workspaceKey: workspace.ref.key)
    }

    private static func digest(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

    /// What a link leads to.
    /// - Throws: NOT_FOUND when there is no such link, CONFLICT when it was used, or its time is up.
    public func open(token: String) async throws -> OpenInvite {
        let now = clock.now()
        return try await database.read { try Self.open(token, now: now, $0) }
    }

    private static func open(
        _ token: String, now: Timestamp, _ connection: any SQLConnection
    ) throws -> OpenInvite {
        let found = try connection.row(
            """
            SELECT i.id, i.email, i.role, i.created_at, i.expires_at, i.accepted_at, w.key, w.id, w.slug, w.name,
              (SELECT u.key FROM users u WHERE lower(u.email) = lower(i.email))
            FROM invites i JOIN workspaces w ON w.key = i.workspace_key WHERE i.token_digest = $1
            """, [.blob(digest(token))]
        ) { row in
            (
                OpenInvite(
                    invite: try decodeInvite(row),
                    workspace: Workspace(
                        ref: WorkspaceRef(key: try row.requiredInt(6), id: WorkspaceID(try row.bits(7))),
                        slug: try row.requiredText(8), name: try row.requiredText(9)),
                    user: row.int(10)), row.time(5)
            )
        }
        guard let (open, accepted) = found else { throw AgentOSError.notFound("invite") }
        if accepted != nil { throw AgentOSError(.conflict, "This invite has been used.") }
        if open.invite.expiresAt <= now { throw AgentOSError(.conflict, "This invite has expired; ask for a new one.") }
        return open
    }

    /// Joins. Somebody new becomes a user and gets a personal key; a user comes with one.
    /// - Parameter asking: the user who accepts, known by a personal key; nil: nobody knows who.
    /// - Returns: what was joined, and the key of somebody new.
    /// - Throws: UNAUTHENTICATED when the address is another user's; what `open` throws.
    public func accept(
        token: String, name: String?, by asking: Int64?
    ) async throws -> (open: OpenInvite, key: GeneratedKey?) {
        let now = clock.now()
        let key = GeneratedKey(.user)
        let open = try await committer.write(
            audit: .row("invite", in: "invites", where: "token_digest = $1", [.blob(Self.digest(token))])
        ) { connection in
            let open = try Self.open(token, now: now, connection)
            let (invite, workspace) = (open.invite, open.workspace)
            try open.check(asking)
            let user: Int64
            if let known = open.user {
                user = known
            } else {
                let made = try connection.row(
                    "INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4) RETURNING key",
                    [.id(UserID.new(at: now)), .text(invite.email), .optional(name), .time(now)]
                ) { try $0.requiredInt(0) }
                guard let made else { throw StoreError.damaged("a new user") }
                user = made
                _ = try KeyStore.insert(
                    key, name: name ?? invite.email, workspace: nil, user: user, now: now, connection)
            }
            try connection.run(
                """
                INSERT INTO members (id, workspace_key, user_key, role, created_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (workspace_key, user_key) DO NOTHING
                """,
                [
                    .id(MemberID.new(at: now)), .int(workspace.ref.key), .int(user), .text(invite.role.word),
                    .time(now),
                ])
            try connection.run(
                "UPDATE invites SET accepted_at = $2 WHERE id = $1", [.id(invite.id), .time(now)])
            return open
        }
        return (open, open.isOfUser ? nil : key)
    }

    /// Takes somebody's membership away; personal keys reach the workspace through it, so they lose it at once.
    /// - Throws: NOT_FOUND; CONFLICT for the last owner; FORBIDDEN when an owner is removed by somebody below.
    public func remove(_ id: MemberID, workspace: Int64, by role: Role) async throws {
        try await committer.write(
            audit: .row("member", in: "members", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let word = try connection.row(
                "SELECT role FROM members WHERE id = $1 AND workspace_key = $2", [.id(id), .int(workspace)]
            ) { try $0.requiredText(0) }
            guard let word else { throw AgentOSError.notFound("member") }
            if word == Role.owner.word {
                let owners = try connection.int(
                    "SELECT COUNT(*) FROM members WHERE workspace_key = $1 AND role = $2",
                    [.int(workspace), .text(word)])
                guard (owners ?? 0) > 1 else {
                    throw AgentOSError(.conflict, "The last owner of a workspace cannot be removed.")
                }
                guard role == .owner else { throw AgentOSError(.forbidden, "Only an owner can remove an owner.") }
            }
            try connection.run("DELETE FROM members WHERE id = $1", [.id(id)])
        }
    }
}
