import AgentOSAutomation
import AgentOSControl
import AgentOSCore
import AgentOSHTTP
import AgentOSOutbound
import AgentOSRuntime
import AgentOSStore
import Logging

/// A store with a runtime on top of it.
public struct TestRuntime: Sendable {
    public let store: TestStore
    public let feed: LiveFeed
    public let outbound: OutboundClient
    public let directory: ProviderDirectory
    public let runtime: Runtime
    public let automation: Automation
    public let registry: OperationRegistry
    public let admission: Admission
    private let jobs: Task<Void, Never>

    init(
        _ store: TestStore, _ environment: ProviderDirectory.Environment, allowing ranges: String,
        settings: RuntimeSettings = RuntimeSettings(), tools: [any Tool] = [],
        automationSettings: AutomationSettings = AutomationSettings(),
        composio composioSettings: ComposioSettings? = nil, minimumFreeBytes: UInt64 = 0
    ) async throws {
        self.store = store
        let feed = LiveFeed()
        let outbound = OutboundClient(policy: try OutboundPolicy(allowList: ranges))
        let directory = ProviderDirectory(environment: environment, store: store.providers, client: outbound)
        let pinned = PinnedResources(store: store.resources)
        let mcpTools = MCPToolSource(store: store.mcpServers, outbound: outbound, clock: store.clock.wall)
        let composio = ComposioDirectory(settings: composioSettings, outbound: outbound)
        let admission = Admission(
            disk: DiskWatch(path: store.path, minimumFreeBytes: minimumFreeBytes), committer: store.committer)
        self.admission = admission
        let runtime = Runtime(
            services: RuntimeServices(
                agents: store.agents, runs: store.runs, hosted: store.hosted, approvals: store.approvals,
                humanInput: store.humanInput, conversations: store.conversations, nodes: store.nodes, log: store.log,
                providers: directory, outbound: outbound, pinned: pinned, feed: feed, admission: admission,
                clock: store.clock.wall, logger: .silent),
            settings: settings,
            builtin: [
                WebSearchTool(client: outbound, settings: nil), ReadResourceTool(resources: store.resources),
            ] + tools,
            sources: [WorkspaceToolSource(store: store.workspaceTools, client: outbound), mcpTools, composio])
        let automation = Automation(
            stores: store.stores, runtime: runtime, outbound: outbound, providers: directory,
            settings: automationSettings,
            logger: .silent)
        self.automation = automation
        registry = OperationRegistry(
            ControlServices(
                stores: store.stores, providerDirectory: directory, pinned: pinned, mcpTools: mcpTools,
                composio: composio, runtime: runtime,
                automation: automation, templates: try TemplateCatalogue(), admission: admission
            ) { url, field, requiringTLS in
                do {
                    try await outbound.check(url, requiringTLS: requiringTLS)
                } catch let error as OutboundError {
                    throw AgentOSError.invalid(field, error.message)
                }
            })
        self.feed = feed
        self.outbound = outbound
        self.directory = directory
        self.runtime = runtime
        try await runtime.start()
        let dispatcher = JobDispatcher(queue: store.queue, clock: store.clock.wall)
        runtime.registerJobs(dispatcher)
        automation.registerJobs(dispatcher)
        jobs = Task { await dispatcher.run() }
        try await runtime.recover()
    }

    /// Lets go of what still runs and closes connections.
    func stop() async {
        store.humanInput.bell.ringForGood()
        feed.close()
        await runtime.drain(graceSeconds: 0)
        jobs.cancel()
        await jobs.value
        await outbound.shutdown()
    }
}

extension Logger {
    /// Says nothing below a catastrophe.
    public static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

/// Runs `body` with a runtime on a store of its own.
/// - Parameters:
///   - fake: answers for both HTTP providers when given.
///   - ranges: addresses that tools may reach besides public ones.
///   - tools: further built-in tools.
public func withRuntime<Result>(
    fake: FakeProvider? = nil, allowing ranges: String = "", settings: RuntimeSettings = RuntimeSettings(),
    tools: [any Tool] = [], _ body: (TestRuntime) async throws -> Result
) async throws -> Result {
    try await withStore { store in
        try await withRuntime(fake: fake, allowing: ranges, settings: settings, tools: tools, on: store, body)
    }
}

/// As above on a store that is there: one runtime after the other on it is a server that is started again.
/// - Parameter minimumFreeBytes: the disk counts as nearly full below it.
public func withRuntime<Result>(
    fake: FakeProvider? = nil, allowing ranges: String = "", settings: RuntimeSettings = RuntimeSettings(),
    tools: [any Tool] = [], composio: ComposioSettings? = nil, minimumFreeBytes: UInt64 = 0, on store: TestStore,
    _ body: (TestRuntime) async throws -> Result
) async throws -> Result {
    var environment = ProviderDirectory.Environment()
    if let fake {
        environment.anthropicKey = "sk-ant-test"
        environment.anthropicBaseURL = fake.anthropicBaseURL
        environment.openAIKey = "sk-test"
        environment.openAIBaseURL = fake.openAIBaseURL
    }
    let runtime = try await TestRuntime(
        store, environment, allowing: ranges, settings: settings, tools: tools, composio: composio,
        minimumFreeBytes: minimumFreeBytes)
    do {
        let result = try await body(runtime)
        await runtime.stop()
        return result
    } catch {
        await runtime.stop()
        throw error
    }
}
