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

    /// A page of a list: `items` holds up to one more than `limit`, which says that there is a next page.
    static func page<Item>(
        _ items: [Item], limit: Int, cursor: (Item) -> String, _ view: (Item) -> JSONValue
    ) -> OperationResult {
        let shown = items.prefix(limit)
        return OperationResult(
            encoded: JSONValue.array(shown.map(view)).encoded,
            nextCursor: items.count > limit ? shown.last.map(cursor) : nil)
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
    }

    public let name: String
    public let summary: String
    public let parameters: ParameterSchema
    public let isReadOnly: Bool
    public let access: Access
    let run: @Sendable (OperationCall) async throws -> OperationResult

    init(
        _ name: String, _ summary: String, _ parameters: [Parameter], readOnly: Bool = false, access: Access,
        _ run: @escaping @Sendable (OperationCall) async throws -> OperationResult
    ) {
        self.name = name
        self.summary = summary
        self.parameters = ParameterSchema(parameters)
        isReadOnly = readOnly
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

    /// `limit` within its bounds, which the schema has checked.
    func limit(_ otherwise: Int = 20) -> Int { parameters.int("limit") ?? otherwise }
}

/// Everything operations work with.
public struct ControlServices: Sendable {
    public let agents: AgentStore
    public let keys: KeyStore
    public let workspaces: WorkspaceStore
    public let runs: RunStore
    public let conversations: ConversationStore
    public let providerSettings: ProviderStore
    public let providers: ProviderDirectory
    public let log: EventLog
    public let humanInput: HumanInputStore
    public let approvals: ApprovalStore
    public let workspaceTools: WorkspaceToolStore
    public let resources: ResourceStore
    public let budgets: BudgetStore
    public let pinned: PinnedResources
    public let mcpServers: MCPServerStore
    public let mcpTools: MCPToolSource
    public let runtime: Runtime
    /// Says whether a base URL may be stored: the outbound guard.
    public let checkURL: @Sendable (String) async throws -> Void

    public init(
        agents: AgentStore, keys: KeyStore, workspaces: WorkspaceStore, runs: RunStore,
        conversations: ConversationStore, providerSettings: ProviderStore, providers: ProviderDirectory, log: EventLog,
        humanInput: HumanInputStore, approvals: ApprovalStore, workspaceTools: WorkspaceToolStore,
        resources: ResourceStore, budgets: BudgetStore, pinned: PinnedResources,
        mcpServers: MCPServerStore, mcpTools: MCPToolSource, runtime: Runtime,
        checkURL: @escaping @Sendable (String) async throws -> Void
    ) {
        self.agents = agents
        self.keys = keys
        self.workspaces = workspaces
        self.runs = runs
        self.conversations = conversations
        self.providerSettings = providerSettings
        self.providers = providers
        self.log = log
        self.humanInput = humanInput
        self.approvals = approvals
        self.workspaceTools = workspaceTools
        self.resources = resources
        self.budgets = budgets
        self.pinned = pinned
        self.mcpServers = mcpServers
        self.mcpTools = mcpTools
        self.runtime = runtime
        self.checkURL = checkURL
    }
}
