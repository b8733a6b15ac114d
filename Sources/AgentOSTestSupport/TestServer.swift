import AgentOSControl
import AgentOSControl
import AgentOSCore
import AgentOSHTTP
import AgentOSRuntime
import AgentOSStore
import Hummingbird
import NIOCore
import ServiceLifecycle

/// A server on a free port of this machine with the real edge, and keys of every kind.
public struct TestServer: Sendable {
    public let port: Int
    public let parts: TestRuntime
    /// Answers with the demo model.
    public let hosted: Agent
    /// Reports its runs.
    public let reported: Agent
    public let workspaceKey: String
    /// Of the workspace's owner.
    public let userKey: String
    public let hostedKey: String
    public let reportedKey: String

    public var store: TestStore { parts.store }
    public var baseURL: String { "http://127.0.0.1:\(port)" }

    /// One request with a connection of its own.
    public func send(
        _ method: String = "POST", _ path: String, key: String? = nil, headers: [(String, String)] = [],
        body: [UInt8] = [], until isEnough: @escaping @Sendable (RawAnswer) -> Bool = { _ in false }
    ) async throws -> RawAnswer {
        var all = headers
        if let key { all.append(("authorization", "Bearer \(key)")) }
        return try await rawRequest(
            port: port, method: method, path: path, headers: all, body: body, until: isEnough)
    }

    public func send(_ path: String, key: String?, _ body: JSONValue) async throws -> RawAnswer {
        try await send("POST", path, key: key, body: body.encoded)
    }
}

/// Serves for as long as `body` takes.
public func withServer<Result>(
    fake: FakeProvider? = nil, configure: (inout EdgeConfiguration) -> Void = { _ in },
    _ body: (TestServer) async throws -> Result
) async throws -> Result {
    try await withRuntime(fake: fake) { parts in
        var configuration = EdgeConfiguration()
        configure(&configuration)
        let store = parts.store
        let hosted = try await store.agent("Demo agent", runtime: .hosted) {
            $0.providerType = .demo
            $0.model = "demo"
            $0.systemPrompt = "You are a demo."
            $0.tools = ["current_time"]
        }
        let reported = try await store.agent("Reporting agent")
        let edge = Edge(
            EdgeServices(
                agents: store.agents, keys: store.keys, workspaces: store.workspaces, runs: store.runs,
                tasks: store.tasks, humanInput: store.humanInput, log: store.log, feed: parts.feed,
                admission: parts.admission,
                runtime: parts.runtime, registry: parts.registry,
                members: store.members,
                documents: Documents(parts.registry, version: "test"),
                mcp: MCPServer(registry: parts.registry, publicURL: "http://127.0.0.1"), automation: parts.automation,
                clock: store.clock.wall,
                gauges: {
                    [
                        .init("agentos_test_gauge", "A number.", [("kind=\"one\"", 1.5)]),
                        .init("agentos_test_sizes", "Sizes.", bounds: [1, 3], counts: [2, 0, 1], sum: 9),
                    ]
                },
                unreadiness: { parts.feed.isClosed ? "The server is shutting down." : nil }),
            configuration: configuration, metrics: Metrics(), logger: .silent)
        let (ports, source) = AsyncStream<Int>.makeStream()
        let application = Application(
            responder: edge, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in source.yield(channel.localAddress?.port ?? 0) }, logger: .silent)
        var group = ServiceGroupConfiguration(services: [application], logger: .silent)
        group.maximumGracefulShutdownDuration = .seconds(5)
        let services = ServiceGroup(configuration: group)
        // Ended by the graceful shutdown below.
        let serving = Task { try await services.run() }
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        func stop() async {
            await parts.stop()
            await services.triggerGracefulShutdown()
            _ = try? await serving.value
        }
        do {
            let server = TestServer(
                port: port, parts: parts, hosted: hosted, reported: reported, workspaceKey: try await store.key(),
                userKey: try await store.key(user: store.owner), hostedKey: try await store.key(agent: hosted),
                reportedKey: try await store.key(agent: reported))
            let result = try await body(server)
            await stop()
            return result
        } catch {
            await stop()
            throw error
        }
    }
}
