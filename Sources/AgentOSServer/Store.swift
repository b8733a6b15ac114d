import AgentOSCore
import AgentOSSQLite
import AgentOSStore

/// The opened store: engine, committer and every store on top of it.
struct Store: Sendable {
    let database: SQLiteDatabase
    let committer: GroupCommit
    let clock: WallClock
    let vault: Vault
    let log: EventLog
    let agents: AgentStore
    let keys: KeyStore
    let workspaces: WorkspaceStore
    let runs: RunStore
    let tasks: TaskStore
    let humanInput: HumanInputStore
    let conversations: ConversationStore
    let hosted: HostedRunStore
    let providers: ProviderStore
    let queue: JobQueue
    let nodes: NodeStore
    let approvals: ApprovalStore
    let workspaceTools: WorkspaceToolStore
    let resources: ResourceStore
    let budgets: BudgetStore
    let mcpServers: MCPServerStore

    /// Opens the folder's database and brings its schema up to date.
    /// - Throws: `StartupError`
    static func open(_ folder: DataFolder, _ configuration: ServerConfiguration) async throws -> Store {
        let clock = WallClock.system(offsetSeconds: configuration.clockOffsetSeconds)
        let vault = try Vault(masterKey: MasterKey.load(configuration.masterKey, folder))
        do {
            let database = try SQLiteDatabase(path: folder.database)
            try await Migrator.migrate(database, now: clock.now())
            return Store(database: database, clock: clock, vault: vault, prices: configuration.runtime.prices)
        } catch let error as AgentOSError {
            throw StartupError(error.message)
        } catch let error as StoreError {
            throw StartupError("Cannot use the database \(folder.database): \(error).")
        }
    }

    private init(database: SQLiteDatabase, clock: WallClock, vault: Vault, prices: PriceBook) {
        self.database = database
        self.clock = clock
        self.vault = vault
        committer = GroupCommit(database: database)
        log = EventLog(database: database, committer: committer, clock: clock, prices: prices)
        agents = AgentStore(database: database, committer: committer, clock: clock)
        keys = KeyStore(database: database, committer: committer, clock: clock)
        workspaces = WorkspaceStore(database: database, committer: committer, clock: clock)
        runs = RunStore(database: database, committer: committer, clock: clock)
        tasks = TaskStore(committer: committer, clock: clock)
        humanInput = HumanInputStore(database: database, committer: committer, clock: clock)
        conversations = ConversationStore(database: database, committer: committer)
        queue = JobQueue(database: database, committer: committer, clock: clock)
        hosted = HostedRunStore(
            database: database, committer: committer, clock: clock, log: log, runs: runs, queue: queue)
        nodes = NodeStore(committer: committer, clock: clock)
        approvals = ApprovalStore(database: database, committer: committer, clock: clock, log: log, queue: queue)
        workspaceTools = WorkspaceToolStore(database: database, committer: committer, clock: clock, vault: vault)
        resources = ResourceStore(database: database, committer: committer, clock: clock)
        budgets = BudgetStore(database: database, committer: committer, clock: clock)
        mcpServers = MCPServerStore(database: database, committer: committer, clock: clock, vault: vault)
        providers = ProviderStore(database: database, committer: committer, clock: clock, vault: vault)
    }
}
