import AgentOSAutomation
import AgentOSControl
import AgentOSCore
import AgentOSHTTP
import AgentOSOutbound
import AgentOSRuntime
import AgentOSStore
import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// The composition root: configuration to stores to services to application.
struct Server: Sendable {
    let store: Stores
    let folder: DataFolder
    let configuration: ServerConfiguration
    let logger: Logger
    let feed = LiveFeed()
    let outbound: OutboundClient
    let runtime: Runtime
    let automation: Automation
    let disk: DiskWatch
    let edge: Edge
    private let address: PublicAddress

    init(store: Stores, folder: DataFolder, configuration: ServerConfiguration, logger: Logger) throws {
        self.store = store
        self.folder = folder
        self.configuration = configuration
        self.logger = logger
        let outbound = OutboundClient(policy: configuration.outbound)
        self.outbound = outbound
        let providers = ProviderDirectory(
            environment: configuration.providers, store: store.providers, client: outbound)
        let pinned = PinnedResources(store: store.resources)
        let mcpTools = MCPToolSource(store: store.mcpServers, outbound: outbound, clock: store.clock)
        let composio = ComposioDirectory(settings: configuration.composio, outbound: outbound)
        let disk = DiskWatch(path: folder.path, minimumFreeBytes: configuration.minimumFreeBytes)
        self.disk = disk
        let admission = Admission(disk: disk, committer: store.committer)
        let runtime = Runtime(
            services: RuntimeServices(
                agents: store.agents, runs: store.runs, hosted: store.hosted, approvals: store.approvals,
                humanInput: store.humanInput, conversations: store.conversations, nodes: store.nodes, log: store.log,
                providers: providers, outbound: outbound, pinned: pinned, feed: feed, admission: admission,
                clock: store.clock, logger: logger),
            settings: configuration.runtime,
            builtin: [
                WebSearchTool(client: outbound, settings: configuration.webSearch),
                ReadResourceTool(resources: store.resources),
            ], sources: [WorkspaceToolSource(store: store.workspaceTools, client: outbound), mcpTools, composio])
        self.runtime = runtime
        let settings = configuration.automation
        address = settings.publicAddress
        let automation = Automation(
            stores: store, runtime: runtime, outbound: outbound, providers: providers, settings: settings,
            logger: logger)
        self.automation = automation
        let registry = OperationRegistry(
            ControlServices(
                stores: store, providerDirectory: providers, pinned: pinned, mcpTools: mcpTools, composio: composio,
                runtime: runtime,
                automation: automation, templates: configuration.templates, admission: admission
            ) { url, field, requiringTLS in
                do {
                    try await outbound.check(url, requiringTLS: requiringTLS)
                } catch let error as OutboundError {
                    throw AgentOSError.invalid(field, error.message)
                }
            })
        let feed = feed
        let health = StoreHealth(database: store.database, committer: store.committer)
        edge = Edge(
            EdgeServices(
                agents: store.agents, keys: store.keys, workspaces: store.workspaces, runs: store.runs,
                tasks: store.tasks, humanInput: store.humanInput, log: store.log, feed: feed,
                admission: admission, runtime: runtime, registry: registry,
                members: store.members, documents: Documents(registry, version: ServerCommand.version),
                mcp: MCPServer(registry: registry, publicURL: settings.publicURL),
                automation: automation, clock: store.clock,
                gauges: { await Gauges.all(store, runtime, feed, disk) },
                unreadiness: {
                    if feed.isClosed { return "The server is shutting down." }
                    if disk.isLow { return "The disk is nearly full." }
                    return await health.problem()
                }),
            configuration: configuration.edge, metrics: Metrics(), logger: logger)
    }

    /// Has runs that an earlier process left behind taken up again, once jobs are worked on.
    func recover() async throws {
        try await runtime.start()
        let left = try await runtime.recover()
        if left > 0 {
            logger.notice("runs of an earlier process are taken up", metadata: ["runs": .stringConvertible(left)])
        }
    }

    func run(firstCredentials: JSONObject?) async throws {
        let banner = Banner(
            configuration: configuration, folder: folder, isFirstStart: firstCredentials != nil, logger: logger)
        let largestBody = max(configuration.edge.maximumBody, configuration.edge.maximumControlBody)
        let application = Application(
            responder: edge,
            // Longer than clients keep an idle connection, so that it is never the server that closes first.
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ExpectContinue(largestBody: largestBody), MalformedRequests()],
                    idleTimeout: .seconds(90))),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), backlog: 4096),
            onServerRunning: { [address, configuration] channel in
                let port = channel.localAddress?.port ?? configuration.port
                if configuration.publicURL == nil { address.change(to: configuration.ownURL(port: port)) }
                banner.show(port: port)
            },
            logger: Self.quiet)
        let upkeep = Upkeep(
            store: store, runtime: runtime, disk: disk,
            merger: ChunkMerger(database: store.database, committer: store.committer, clock: store.clock),
            purge: Purge(database: store.database, committer: store.committer), logger: logger)
        let dispatcher = JobDispatcher(
            queue: store.queue, clock: store.clock,
            failed: { [logger] job, error in
                logger.warning(
                    "a job failed",
                    metadata: ["kind": .string(job.kind), "job": .string(job.name), "error": .string("\(error)")])
            })
        runtime.registerJobs(dispatcher)
        automation.registerJobs(dispatcher)
        let drain = Drain(store: store, runtime: runtime, feed: feed, logger: logger)
        // Stopped in reverse: first the drain, then the listener, then the rest, the store last.
        let services: [any Service] = [
            StoreKeeper(store: store, runtime: runtime, logger: logger), upkeep, JobWorker(dispatcher: dispatcher),
            application, drain,
        ]
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .ignore) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: Self.quiet)
        group.maximumGracefulShutdownDuration = .milliseconds(9000)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let error as IOError {
            throw StartupError(
                error.errnoCode == EADDRINUSE
                    ? "Port \(configuration.port) on \(configuration.host) is in use by another program."
                    : "Cannot listen on \(configuration.host):\(configuration.port): "
                        + String(cString: strerror(error.errnoCode)) + ".")
        } catch is NIOCore.SocketAddressError.UnknownHost {
            throw StartupError(
                "Cannot listen on \(configuration.host): the name has no address. Check --host or AGENTOS_HOST.")
        } catch is NIOCore.SocketAddressError {
            throw StartupError(
                "Cannot listen on \(configuration.host): it is no network address. Check --host or AGENTOS_HOST.")
        }
        await outbound.shutdown()
    }

    /// The frameworks' own chatter, down to what matters.
    private static var quiet: Logger {
        var logger = Logger(label: "http")
        logger.logLevel = .error
        return logger
    }
}
