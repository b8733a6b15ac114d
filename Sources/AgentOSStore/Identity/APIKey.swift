import AgentOSCore
import Crypto

public enum KeyKind: String, Sendable, CaseIterable {
    /// One agent.
    case agent
    /// Every agent of one workspace.
    case workspace
    /// Every workspace its user belongs to, with that user's role.
    case user

    public var prefix: String {
        switch self {
        case .agent: "aos_agent_"
        case .workspace: "aos_ws_"
        case .user: "aos_user_"
        }
    }
}

/// A new key: its text is shown once and never stored.
public struct GeneratedKey: Sendable {
    public let kind: KeyKind
    public let text: String

    /// 43 characters of 62, from the system's secure generator: 256 bits.
    public init(_ kind: KeyKind) {
        self.kind = kind
        text = kind.prefix + RandomText.alphanumeric(43)
    }

    public var digest: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// What lists show of the key.
    public var visiblePrefix: String { String(text.prefix(16)) }
}

public enum RandomText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    public static func alphanumeric(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Rights within a workspace, from least to most.
public enum Role: Int, Sendable, Comparable, CaseIterable {
    case viewer, member, admin, owner

    public static func < (a: Role, b: Role) -> Bool { a.rawValue < b.rawValue }

    public var word: String {
        switch self {
        case .viewer: "viewer"
        case .member: "member"
        case .admin: "admin"
        case .owner: "owner"
        }
    }

    public init?(word: String) {
        guard let role = Role.allCases.first(where: { $0.word == word }) else { return nil }
        self = role
    }
}

public struct WorkspaceRef: Sendable, Hashable {
    public let key: Int64
    public let id: WorkspaceID

    public init(key: Int64, id: WorkspaceID) {
        self.key = key
        self.id = id
    }
}

/// Who a request comes from.
public struct Principal: Sendable, Hashable {
    public enum Scope: Sendable, Hashable {
        case agent(workspace: WorkspaceRef, agentKey: Int64)
        case workspace(WorkspaceRef)
        case user(userKey: Int64)
    }

    public let keyKey: Int64
    public let keyID: KeyID
    public let scope: Scope

    /// The workspace of an agent or workspace key.
    public var workspace: WorkspaceRef? {
        switch scope {
        case .agent(let workspace, _), .workspace(let workspace): workspace
        case .user: nil
        }
    }
}
