import AgentOSCore

/// Every store on top of one database, put together once for the server and its tests.
public struct Stores: Sendable {
    public let database: any Database
    public let committer: GroupCommit
    /// For short looks of which many come at once.
    let looks: GroupRead
    public let clock: WallClock
    public let vault: Vault
    public let queue: JobQueue
    public let log: EventLog
    public let agents: AgentStore
    public let agentVersions: AgentVersionStore
    public let audit: AuditStore
    public let keys: KeyStore
    public let workspaces: WorkspaceStore
    public let runs: RunStore
    public let tasks: TaskStore
    public let searchIndexer: RunSearchIndexer
    public let runSearch: RunSearchStore
    public let humanInput: HumanInputStore
    public let conversations: ConversationStore
    public let hosted: HostedRunStore
    public let providers: ProviderStore
    public let nodes: NodeStore
    public let approvals: ApprovalStore
    public let workspaceTools: WorkspaceToolStore
    public let resources: ResourceStore
    public let budgets: BudgetStore
    public let mcpServers: MCPServerStore
    public let folders: FolderStore
    public let members: MemberStore
    public let notifications: NotificationStore
    public let figures: FigureStore
    public let inboundHooks: InboundHookStore
    public let evals: EvalStore
    public let reports: ReportStore
    public let webhooks: WebhookStore
    public let deliveries: DeliveryStore
    public let alerts: AlertStore
    public let schedules: ScheduleStore
    public let retention: RetentionStore

    public init(
        database: any Database, clock: WallClock, vault: Vault, prices: PriceBook = .builtIn,
        limits: GroupCommit.Limits = .init()
    ) {
        self.database = database
        self.clock = clock
        self.vault = vault
        looks = GroupRead(database: database)
        committer = GroupCommit(database: database, limits: limits)
        queue = JobQueue(database: database, committer: committer, clock: clock)
        searchIndexer = RunSearchIndexer(database: database, committer: committer)
        runSearch = RunSearchStore(database: database, clock: clock)
        // Who hears, inside its transaction, that a run began, ended or waits for a person.
        let listeners: [any RunChangeListener] = [
            RollupKeeper(), RunNotifier(), WebhookOutbox(), AlertWatcher(), searchIndexer,
        ]
        let eventAlerts = EventAlerts()
        log = EventLog(database: database, committer: committer, clock: clock, prices: prices, alerts: eventAlerts)
        agents = AgentStore(database: database, committer: committer, clock: clock)
        agentVersions = AgentVersionStore(database: database)
        audit = AuditStore(database: database)
        keys = KeyStore(database: database, committer: committer, clock: clock)
        workspaces = WorkspaceStore(database: database, committer: committer, clock: clock)
        runs = RunStore(
            database: database, committer: committer, clock: clock, prices: prices, listeners: listeners)
        tasks = TaskStore(committer: committer, clock: clock)
        humanInput = HumanInputStore(database: database, committer: committer, clock: clock, runs: runs)
        conversations = ConversationStore(database: database, committer: committer)
        hosted = HostedRunStore(
            database: database, committer: committer, clock: clock, log: log, runs: runs, queue: queue)
        nodes = NodeStore(committer: committer, clock: clock)
        approvals = ApprovalStore(database: database, committer: committer, clock: clock, log: log)
        workspaceTools = WorkspaceToolStore(database: database, committer: committer, clock: clock, vault: vault)
        resources = ResourceStore(database: database, committer: committer, clock: clock)
        budgets = BudgetStore(database: database, committer: committer, clock: clock)
        mcpServers = MCPServerStore(database: database, committer: committer, clock: clock, vault: vault)
        folders = FolderStore(database: database, committer: committer, clock: clock)
        members = MemberStore(database: database, committer: committer, clock: clock)
        notifications = NotificationStore(database: database, committer: committer, clock: clock)
        retention = RetentionStore(database: database, committer: committer, clock: clock, runs: runs)
        schedules = ScheduleStore(database: database, committer: committer, clock: clock)
        webhooks = WebhookStore(database: database, committer: committer, clock: clock, vault: vault)
        deliveries = DeliveryStore(database: database, committer: committer, clock: clock)
        alerts = AlertStore(
            database: database, committer: committer, clock: clock, vault: vault, events: eventAlerts)
        evals = EvalStore(database: database, committer: committer, clock: clock)
        reports = ReportStore(database: database, committer: committer, clock: clock)
        inboundHooks = InboundHookStore(database: database, clock: clock, vault: vault)
        figures = FigureStore(database: database, clock: clock)
        providers = ProviderStore(database: database, committer: committer, clock: clock, vault: vault)
    }
}
