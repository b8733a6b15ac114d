import AgentOSAutomation
import AgentOSCore
import AgentOSRuntime
import AgentOSStore

/// Who calls an operation, and in which workspace.
public struct OperationContext: Sendable {
    public let principal: Principal
    public let workspace: Workspace
    public let role: Role

    public init(principal: Principal, workspace: Workspace, role: Role) {
        self.principal = principal
        self.workspace = workspace
        self.role = role
    }

    var workspaceKey: Int64 { workspace.ref.key }
}

/// The answer of an operation: JSON, and where a list goes on.
public struct OperationResult: Sendable {
    public let status: Int
    public let data: [UInt8]
    public let nextCursor: String?

    public init(_ data: JSONValue, status: Int = 200) {
        self.init(encoded: data.encoded, status: status)
    }

    /// Takes JSON as it is.
    public init(encoded: [UInt8], status: Int = 200, nextCursor: String? = nil) {
        self.status = status
        data = encoded
        self.nextCursor = nextCursor
    }

    /// A page of a list.
    static func page<Item: Sendable>(_ page: Page<Item>, _ view: (Item) -> JSONValue) -> OperationResult {
        OperationResult(encoded: JSONValue.array(page.items.map(view)).encoded, nextCursor: page.end?.cursor)
    }
}

/// One control-plane operation, defined once for RPC, command line, MCP and documents.
public struct Operation: Sendable {
    /// For whom an operation is.
    public enum Access: Sendable {
        /// Members of a workspace with at least this role. A workspace key acts as an admin.
        case role(Role)
        /// Personal keys with at least this role; workspace keys are not enough.
        case person(Role)
        /// Any workspace or personal key, without a workspace.
        case anybody
        /// Personal keys, without a workspace.
        case anyPerson

        var isForPersons: Bool {
            switch self {
            case .person, .anyPerson: true
            case .role, .anybody: false
            }
        }

        /// Nil where no workspace is needed.
        var leastRole: Role? {
            switch self {
            case .role(let role), .person(let role): role
            case .anybody, .anyPerson: nil
            }
        }
    }

    public let name: String
    public let summary: String
    public let parameters: ParameterSchema
    /// What `data` of the answer looks like.
    public let result: ResultType
    public let isReadOnly: Bool
    public let access: Access
    /// Whether a call goes into the audit log.
    let isAudited: Bool
    let run: @Sendable (OperationCall) async throws -> OperationResult

    /// The parameters as JSON Schema.
    func parameterSchema(allowsNull: Bool) -> JSONValue {
        switch access {
        case .anybody, .anyPerson: parameters.schema(workspaceMatters: false, allowsNull: allowsNull)
        case .role, .person: parameters.schema(allowsNull: allowsNull)
        }
    }

    init(
        _ name: String, _ summary: String, _ parameters: [Parameter], readOnly: Bool = false, access: Access,
        returns result: ResultType = .anything, audited: Bool = true,
        _ run: @escaping @Sendable (OperationCall) async throws -> OperationResult
    ) {
        self.name = name
        self.summary = summary
        self.parameters = ParameterSchema(parameters)
        self.result = result
        isReadOnly = readOnly
        isAudited = audited && !readOnly
        self.access = access
        self.run = run
    }
}

/// A call that passed the checks of key, role and parameters.
struct OperationCall: Sendable {
    let principal: Principal
    /// Nil only for operations that need no workspace.
    let context: OperationContext?
    let parameters: Parameters

    /// The workspace of the call.
    var workspace: Workspace {
        get throws {
            guard let context else { throw AgentOSError(.forbidden, "This key has no workspace.") }
            return context.workspace
        }
    }

    var workspaceKey: Int64 { get throws { try workspace.ref.key } }

    /// The person who calls.
    /// - Throws: FORBIDDEN for keys of no person.
    var user: Int64 {
        get throws {
            guard case .user(let user) = principal.scope else {
                throw AgentOSError(.forbidden, "A workspace key cannot do this; use the personal key of a member.")
            }
            return user
        }
    }

    /// What the caller may do there.
    var role: Role { context?.role ?? .viewer }

    /// `limit` within its bounds, which the schema has checked.
    func limit(_ otherwise: Int = 20) -> Int { parameters.int("limit") ?? otherwise }

    /// The page of a list that `limit` and `cursor` ask for.
    /// - Throws: VALIDATION_ERROR naming `cursor` when no list gave it out.
    func page(_ otherwise: Int = 20) throws -> PageRequest {
        PageRequest(
            after: try parameters.string("cursor").map { try ListPlace(cursor: $0) }, limit: limit(otherwise))
    }
}

/// Everything operations work with; the stores are reached as if they were its own members.
@dynamicMemberLookup
public struct ControlServices: Sendable {
    public let stores: Stores
    public let providerDirectory: ProviderDirectory
    public let pinned: PinnedResources
    public let mcpTools: MCPToolSource
    public let composio: ComposioDirectory
    public let runtime: Runtime
    public let automation: Automation
    public let templates: TemplateCatalogue
    /// Asked before what stores much or begins runs later.
    public let admission: Admission
    private let urlCheck: URLCheck

    /// The outbound guard: throws VALIDATION_ERROR naming the field when a URL may not be called, with `requiringTLS` also
    /// when it is plain http to an address that the operator did not allow.
    public typealias URLCheck =
        @Sendable (_ url: String, _ field: String, _ requiringTLS: Bool) async throws -> Void

    public init(
        stores: Stores, providerDirectory: ProviderDirectory, pinned: PinnedResources, mcpTools: MCPToolSource,
        composio: ComposioDirectory,
        runtime: Runtime, automation: Automation, templates: TemplateCatalogue,
        admission: Admission, urlCheck: @escaping URLCheck
    ) {
        self.stores = stores
        self.providerDirectory = providerDirectory
        self.pinned = pinned
        self.mcpTools = mcpTools
        self.composio = composio
        self.runtime = runtime
        self.automation = automation
        self.templates = templates
        self.admission = admission
        self.urlCheck = urlCheck
    }

    /// - Parameter requiringTLS: whether plain http is only for addresses that the operator allowed.
    /// - Throws: VALIDATION_ERROR naming the field of a URL that may not be called.
    func checkURL(_ url: String, _ field: String, requiringTLS: Bool = false) async throws {
        try await urlCheck(url, field, requiringTLS)
    }

    public subscript<Member>(dynamicMember path: KeyPath<Stores, Member>) -> Member { stores[keyPath: path] }
}
