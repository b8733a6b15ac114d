import AgentOSCore
import AgentOSSQLite
import AgentOSStore
import AgentOSWire
import Foundation
import Synchronization

/// Gives a folder of its own to `body` and removes it afterwards.
public func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = NSTemporaryDirectory() + "/agentos-test-" + RandomText.alphanumeric(16)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// An opened store with one workspace and its owner, put together as the server does it.
@dynamicMemberLookup
public final class TestStore: Sendable {
    public let path: String
    public let clock: ManualClock
    public let database: SQLiteDatabase
    public let stores: Stores
    public let merger: ChunkMerger
    public let purge: Purge
    public let workspace: Workspace
    /// The key of the workspace's owner among the users.
    public let owner: Int64
    private let isOpen = Mutex(true)

    /// - Parameter observer: told of every statement.
    public init(
        path: String, clock: ManualClock, limits: GroupCommit.Limits = .init(),
        observer: (@Sendable (String) -> Void)? = nil
    ) async throws {
        let wall = clock.wall
        let database = try SQLiteDatabase(path: path, observer: observer)
        try await Migrator.migrate(database, now: clock.now)
        let stores = Stores(
            database: database, clock: wall, vault: try Vault(masterKey: Array(repeating: 7, count: 32)), limits: limits
        )
        let (committer, workspaces) = (stores.committer, stores.workspaces)
        self.path = path
        self.clock = clock
        self.database = database
        self.stores = stores
        merger = ChunkMerger(database: database, committer: committer, clock: wall)
        purge = Purge(database: database, committer: committer)
        let known = try await workspaces.workspace(named: "main")
        (workspace, owner) = try await committer.write { connection in
            if let known {
                return (known, try connection.int("SELECT key FROM users WHERE email = 'owner@example.org'") ?? 0)
            }
            let owner = try WorkspaceStore.insertUser(
                email: "owner@example.org", name: "Owner", passwordHash: "none", now: clock.now, connection)
            return (
                try WorkspaceStore.insert(name: "Main", slug: "main", owner: owner, now: clock.now, connection), owner
            )
        }
    }

    public subscript<Member>(dynamicMember path: KeyPath<Stores, Member>) -> Member { stores[keyPath: path] }

    /// Closes the store and opens it anew, as a restart of the server does. This one must not be used any more.
    public func reopened() async throws -> TestStore {
        try close()
        return try await TestStore(path: path, clock: clock)
    }

    public func close() throws {
        let first = isOpen.withLock { open in
            defer { open = false }
            return open
        }
        if first { try database.close() }
    }

    // MARK: - Things to test with

    public func agent(
        _ name: String = "agent", runtime: RuntimeType = .external, in other: WorkspaceRef? = nil,
        change: (inout Agent) -> Void = { _ in }
    ) async throws -> Agent {
        let place = other ?? workspace.ref
        var draft = Agent(
            key: 0, id: .new(at: clock.now), workspaceKey: place.key, workspaceID: place.id, name: name,
            runtimeType: runtime, createdAt: clock.now, updatedAt: clock.now)
        change(&draft)
        return try await stores.agents.create(draft)
    }

    /// Starts a reported run of the agent, or of one made for it.
    public func run(
        of agent: Agent? = nil, externalID: String? = nil, parent: Int64? = nil
    ) async throws -> RunRef {
        let owner: Agent
        if let agent { owner = agent } else { owner = try await self.agent() }
        let id = try await stores.runs.start(
            .init(
                id: .new(at: clock.now), workspaceKey: owner.workspaceKey, agentKey: owner.key, trigger: .sdk,
                hosted: false, externalRunID: externalID, parentKey: parent, input: Array("{}".utf8),
                startedAt: clock.now))
        return try await stores.runs.ref(id, workspace: owner.workspaceKey)
    }

    /// Another user with a role in the workspace. Returns the user's key.
    public func member(_ role: Role) async throws -> Int64 {
        let (now, place) = (clock.now, workspace.ref.key)
        return try await stores.committer.write { connection in
            let user = try WorkspaceStore.insertUser(
                email: "\(role.word)-\(RandomText.alphanumeric(8))@example.org", name: nil, passwordHash: "none",
                now: now, connection)
            try connection.run(
                "INSERT INTO members (id, workspace_key, user_key, role, created_at) VALUES ($1, $2, $3, $4, $5)",
                [.id(UserID.new(at: now)), .int(place), .int(user), .text(role.word), .time(now)])
            return user
        }
    }

    /// Makes a key of any kind and returns its text.
    public func key(workspace: Int64? = nil, agent: Agent? = nil, user: Int64? = nil) async throws -> String {
        let key = GeneratedKey(agent != nil ? .agent : user != nil ? .user : .workspace)
        let now = clock.now
        let place = agent?.workspaceKey ?? workspace ?? (user == nil ? self.workspace.ref.key : nil)
        _ = try await stores.committer.write { connection in
            try KeyStore.insert(
                key, name: "key", workspace: place, agent: agent?.key, user: user, now: now, connection)
        }
        return key.text
    }

    /// Every event of a run.
    public func events(_ run: RunRef) async throws -> [StoredEvent] {
        try await stores.log.events(ofRun: run.key, after: 0, limit: 1_000_000)
    }

    /// How many rows a query counts.
    public func count(_ sql: String) async throws -> Int {
        try await database.read { Int(try $0.int("SELECT COUNT(*) FROM \(sql)") ?? -1) }
    }
}

/// Opens a store on a file of its own and removes it afterwards.
public func withStore<Result>(
    limits: GroupCommit.Limits = .init(), _ body: (TestStore) async throws -> Result
) async throws -> Result {
    try await withTemporaryFolder { folder in
        let store = try await TestStore(path: folder + "/store.db", clock: ManualClock(), limits: limits)
        do {
            let result = try await body(store)
            try store.close()
            return result
        } catch {
            try? store.close()
            throw error
        }
    }
}

extension StoredEvent {
    public var json: JSONValue { (try? JSONParser.parse(Array(raw), depth: JSONParser.documentDepth)) ?? .null }
    public var text: String { String(decoding: raw, as: UTF8.self) }
}

extension EventBatch {
    /// What comes of events when they are sent to the server, each given as JSON text.
    public static func sent(_ events: [String]) throws -> EventBatch {
        let run = RunID(UUIDBits(high: 1, low: 2))
        let body = Array(#"{"run_id":"\#(run)","events":[\#(events.joined(separator: ","))]}"#.utf8)
        return try body.withUnsafeBytes { try EventsRequest(CheckedJSON(object: $0)).batch }
    }
}

/// A point event as a client sends it.
/// - Parameter time: seconds after noon; nil leaves `occurred_at` out.
public func point(_ type: String, at time: Double? = nil, payload: String = "{}") -> String {
    let stamp = time.map { #","occurred_at":"\#(noon.advanced(bySeconds: $0).microText)""# } ?? ""
    return #"{"type":"\#(type)","payload":\#(payload)\#(stamp)}"#
}

/// A span event as a client sends it.
public func span(_ name: String, id: String, at time: Double = 0, kind: String = "step", payload: String = "{}")
    -> String
{
    let stamp = noon.advanced(bySeconds: time).microText
    return #"{"type":"\#(name)","payload":\#(payload),"occurred_at":"\#(stamp)","span_id":"\#(id)","kind":"\#(kind)","#
        + #""started_at":"\#(stamp)","ended_at":"\#(stamp)","duration_ms":3}"#
}

private let noon = Timestamp(microseconds: 1_778_500_800_000_000)

extension Timestamp {
    /// With microseconds, as the official client writes it.
    public var microText: String {
        let rest = String(microseconds - milliseconds * 1000)
        return iso8601.dropLast() + String(repeating: "0", count: 3 - rest.count) + rest + "Z"
    }
}
