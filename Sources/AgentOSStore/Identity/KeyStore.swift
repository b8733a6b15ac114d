import AgentOSCore
import Crypto
import Synchronization

/// An API key as lists show it.
public struct KeyRecord: Sendable {
    public let id: KeyID
    public let kind: KeyKind
    public let name: String
    public let prefix: String
    public let agentID: AgentID?
    public let createdAt: Timestamp
    public let lastUsedAt: Timestamp?
    public let revokedAt: Timestamp?
}

/// API keys: made, looked up by digest, revoked.
///
/// Principals are remembered by digest; revoking forgets them before it returns, so that the very next request is
/// refused. The time of last use is kept in memory and written once a minute, never per request.
public final class KeyStore: Sendable {
    private struct Remembered {
        var principals: [SHA256.Digest: Principal] = [:]
        /// Raised by every revocation: a look-up that began before it must not be remembered.
        var generation: UInt64 = 0
        var used: [Int64: Timestamp] = [:]
        var written: [Int64: Timestamp] = [:]

        /// To the minute: two looks at a list in a row show the same.
        mutating func note(_ key: Int64, _ now: Timestamp) {
            if let last = used[key], last <= now, now.microseconds - last.microseconds < 60_000_000 { return }
            used[key] = now
        }
    }

    private static let rememberedBound = 10_000

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock
    private let remembered = Mutex(Remembered())
    /// Sounds when somebody lost a right, after it is on the disk: whoever holds something open for a key looks again.
    public let losses = Alarm()

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    /// The principal of a key's text; nil when it is unknown or revoked.
    public func principal(of key: String) async throws -> Principal? {
        guard key.utf8.count <= 128, KeyKind.allCases.contains(where: { key.hasPrefix($0.prefix) }) else { return nil }
        var text = key
        let digest = text.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
        let now = clock.now()
        let (known, generation) = remembered.withLock { state in
            let principal = state.principals[digest]
            if let principal { state.note(principal.keyKey, now) }
            return (principal, state.generation)
        }
        if let known { return known }
        let found = try await database.read { connection in try Self.find(Array(digest), connection) }
        guard let found else { return nil }
        remembered.withLock { state in
            state.note(found.keyKey, now)
            guard state.generation == generation else { return }
            if state.principals.count >= Self.rememberedBound { state.principals.removeAll() }
            state.principals[digest] = found
        }
        return found
    }

    private static func find(_ digest: [UInt8], _ connection: any SQLConnection) throws -> Principal? {
        try connection.row(
            """
            SELECT k.key, k.id, k.kind, w.key, w.id, k.agent_key, k.user_key FROM api_keys k
            LEFT JOIN workspaces w ON w.key = k.workspace_key
            LEFT JOIN agents a ON a.key = k.agent_key
            WHERE k.digest = $1 AND k.revoked_at IS NULL AND a.deleted_at IS NULL
            """, [.blob(digest)]
        ) { row -> Principal? in
            let scope: Principal.Scope
            switch KeyKind(rawValue: try row.requiredText(2)) {
            case .agent?:
                scope = .agent(
                    workspace: WorkspaceRef(key: try row.requiredInt(3), id: WorkspaceID(try row.bits(4))),
                    agentKey: try row.requiredInt(5))
            case .workspace?:
                scope = .workspace(WorkspaceRef(key: try row.requiredInt(3), id: WorkspaceID(try row.bits(4))))
            case .user?: scope = .user(userKey: try row.requiredInt(6))
            case nil: return nil
            }
            return Principal(keyKey: try row.requiredInt(0), keyID: KeyID(try row.bits(1)), scope: scope)
        } ?? nil
    }

    /// Looks in the store whether a key that was found before still opens anything.
    /// - Throws: UNAUTHENTICATED when it was revoked since, or went with its agent or workspace.
    public func confirm(_ principal: Principal) async throws {
        let found = try await database.read { connection in
            try connection.int(
                """
                SELECT 1 FROM api_keys k LEFT JOIN agents a ON a.key = k.agent_key
                WHERE k.key = $1 AND k.revoked_at IS NULL AND a.deleted_at IS NULL
                """, [.int(principal.keyKey)])
        }
        guard found != nil else { throw AgentOSError(.unauthenticated, "Invalid or revoked key.") }
    }

    /// Forgets every remembered principal. Called when keys, or their users, may have lost their object.
    public func forgetAll() {
        remembered.withLock { state in
            state.generation &+= 1
            state.principals.removeAll()
        }
        losses.sound()
    }

    /// Writes a new key's row inside a transaction of the caller's.
    public static func insert(
        _ key: GeneratedKey, name: String, workspace: Int64?, agent: Int64? = nil, user: Int64? = nil, now: Timestamp,
        _ connection: any SQLConnection
    ) throws -> KeyID {
        let id = KeyID.new(at: now)
        try connection.run(
            """
            INSERT INTO api_keys (id, kind, digest, prefix, name, workspace_key, agent_key, user_key, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .id(id), .text(key.kind.rawValue), .blob(key.digest), .text(key.visiblePrefix), .text(name),
                .optional(workspace), .optional(agent), .optional(user), .time(now),
            ])
        return id
    }

    /// Makes an agent key.
    public func create(name: String, workspace: Int64, agent: Int64) async throws -> (id: KeyID, key: GeneratedKey) {
        let key = GeneratedKey(.agent)
        let now = clock.now()
        let id = try await committer.write(
            audit: .row("key", in: "api_keys", where: "digest = $1", [.blob(key.digest)])
        ) { connection in
            try Self.insert(key, name: name, workspace: workspace, agent: agent, now: now, connection)
        }
        return (id, key)
    }

    /// Makes a workspace's key, or a personal one.
    public func create(
        _ kind: KeyKind, name: String, workspace: Int64? = nil, user: Int64? = nil
    ) async throws -> (id: KeyID, key: GeneratedKey) {
        let key = GeneratedKey(kind)
        let now = clock.now()
        let id = try await committer.write(
            audit: .row("key", in: "api_keys", where: "digest = $1", [.blob(key.digest)])
        ) { try Self.insert(key, name: name, workspace: workspace, user: user, now: now, $0) }
        return (id, key)
    }

    /// A person's own keys, newest first.
    public func list(user: Int64, _ page: PageRequest) async throws -> Page<KeyRecord> {
        let below = try page.key(start: .max)
        let used = remembered.withLock { $0.used }
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT id, name, prefix, created_at, last_used_at, key FROM api_keys
                WHERE user_key = $1 AND revoked_at IS NULL AND key < $2 ORDER BY key DESC LIMIT $3
                """, [.int(user), .int(below)]
            ) { row in
                let key = try row.requiredInt(5)
                let record = KeyRecord(
                    id: KeyID(try row.bits(0)), kind: .user, name: try row.requiredText(1),
                    prefix: try row.requiredText(2), agentID: nil,
                    createdAt: Timestamp(microseconds: try row.requiredInt(3)), lastUsedAt: used[key] ?? row.time(4),
                    revokedAt: nil)
                return (record, ListPlace(.int(key)))
            }
        }
    }

    /// Revokes a person's own key; once more is fine.
    /// - Throws: NOT_FOUND when it is not theirs.
    public func revoke(_ id: KeyID, user: Int64) async throws {
        let now = clock.now()
        try await committer.write(
            audit: .row("key", in: "api_keys", where: "id = $1 AND user_key = $2", [.id(id), .int(user)])
        ) { connection in
            let changed = try connection.run(
                "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND user_key = $2",
                [.id(id), .int(user), .time(now)])
            guard changed > 0 else { throw AgentOSError.notFound("key") }
        }
        forgetAll()
    }

    /// Agent and workspace keys of a workspace, newest first.
    public func list(
        workspace: Int64, agent: Int64?, includeRevoked: Bool, _ page: PageRequest
    ) async throws -> Page<KeyRecord> {
        let below = try page.key(start: .max)
        let used = remembered.withLock { $0.used }
        return try await database.read { connection in
            try connection.page(
                page,
                """
                SELECT k.id, k.kind, k.name, k.prefix, a.id, k.created_at, k.last_used_at, k.revoked_at, k.key
                FROM api_keys k LEFT JOIN agents a ON a.key = k.agent_key
                WHERE k.workspace_key = $1 AND ($2 IS NULL OR k.agent_key = $2) AND ($3 = 1 OR k.revoked_at IS NULL)
                  AND a.deleted_at IS NULL AND k.key < $4
                ORDER BY k.key DESC LIMIT $5
                """, [.int(workspace), .optional(agent), .bool(includeRevoked), .int(below)]
            ) { row in
                let key = try row.requiredInt(8)
                let record = KeyRecord(
                    id: KeyID(try row.bits(0)), kind: KeyKind(rawValue: try row.requiredText(1)) ?? .agent,
                    name: try row.requiredText(2), prefix: try row.requiredText(3),
                    agentID: row.optionalBits(4).map(AgentID.init),
                    createdAt: Timestamp(microseconds: try row.requiredInt(5)), lastUsedAt: used[key] ?? row.time(6),
                    revokedAt: row.time(7))
                return (record, ListPlace(.int(key)))
            }
        }
    }

    /// Revokes a key; once more is fine.
    /// - Throws: NOT_FOUND when the workspace has no such key.
    public func revoke(_ id: KeyID, workspace: Int64) async throws {
        let now = clock.now()
        try await committer.write(
            audit: .row("key", in: "api_keys", where: "id = $1 AND workspace_key = $2", [.id(id), .int(workspace)])
        ) { connection in
            let changed = try connection.run(
                "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND workspace_key = $2",
                [.id(id), .int(workspace), .time(now)])
            guard changed > 0 else { throw AgentOSError.notFound("key") }
        }
        forgetAll()
    }

    /// Writes the times of last use that are not yet stored.
    public func flushLastUsed() async throws {
        let pending = remembered.withLock { state in
            let pending = state.used.filter { state.written[$0.key] != $0.value }
            state.written = state.used
            return pending
        }
        guard !pending.isEmpty else { return }
        try await committer.write(cost: pending.count * 64) { connection in
            for (key, time) in pending {
                try connection.run("UPDATE api_keys SET last_used_at = $2 WHERE key = $1", [.int(key), .time(time)])
            }
        }
    }
}
