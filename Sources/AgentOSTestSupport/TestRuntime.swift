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
    public let registry: OperationRegistry

    init(_ store: TestStore, _ environment: ProviderDirectory.Environment, allowing ranges: String) throws {
        self.store = store
        let feed = LiveFeed()
        let outbound = OutboundClient(policy: try OutboundPolicy(allowList: ranges))
        let directory = ProviderDirectory(environment: environment, store: store.providers, client: outbound)
        let runtime = Runtime(
            agents: store.agents, runs: store.runs, hosted: store.hosted, conversations: store.conversations,
            providers: directory, outbound: outbound, feed: feed, clock: store.clock.wall, logger: .silent)
        registry = OperationRegistry(
            ControlServices(
                agents: store.agents, keys: store.keys, workspaces: store.workspaces, runs: store.runs,
                conversations: store.conversations, providerSettings: store.providers, providers: directory,
                log: store.log, humanInput: store.humanInput, runtime: runtime
            ) { url in
                do {
                    try await outbound.check(url)
                } catch let error as OutboundError {
                    throw AgentOSError.invalid("base_url", error.message)
                }
            })
        self.feed = feed
        self.outbound = outbound
        self.directory = directory
        self.runtime = runtime
    }

    /// Lets go of what still runs and closes connections.
    func stop() async {
        store.humanInput.bell.ringForGood()
        feed.close()
        await runtime.drain(graceSeconds: 0)
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
public func withRuntime<Result>(
    fake: FakeProvider? = nil, allowing ranges: String = "", _ body: (TestRuntime) async throws -> Result
) async throws -> Result {
    try await withStore { store in
        var environment = ProviderDirectory.Environment()
        if let fake {
            environment.anthropicKey = "sk-ant-test"
            environment.anthropicBaseURL = fake.anthropicBaseURL
            environment.openAIKey = "sk-test"
            environment.openAIBaseURL = fake.openAIBaseURL
        }
        let runtime = try TestRuntime(store, environment, allowing: ranges)
        do {
            let result = try await body(runtime)
            await runtime.stop()
            return result
        } catch {
            await runtime.stop()
            throw error
        }
    }
}
