import AgentOSCore
import AgentOSOutbound
import AgentOSStore
import Synchronization

/// The toolkits that are connected at Composio, and their actions as tools. Without a key there are none.
public final class ComposioDirectory: ToolSource {
    /// A connected toolkit with what it can do.
    public struct Toolkit: Sendable {
        public struct Action: Sendable {
            public let toolName: String
            public let name: String
            public let description: String
        }

        public let slug: String
        public let connectedAt: Timestamp?
        public let actions: [Action]
    }

    private struct Known: Sendable {
        var until: UInt64
        var toolkits: [Toolkit]
        var tools: [String: ComposioTool]
    }

    /// How long what Composio said is believed. Something that is not known is asked for anew at most this often.
    private static let freshNanoseconds: UInt64 = 300_000_000_000
    private static let retryNanoseconds: UInt64 = 10_000_000_000
    private static let mostToolkits = 50

    private let client: ComposioClient?
    private let known = Mutex<Known?>(nil)

    public init(settings: ComposioSettings?, outbound: OutboundClient) {
        client = settings.map { ComposioClient(settings: $0, outbound: outbound) }
    }

    /// - Throws: PROVIDER_ERROR when Composio does not answer.
    public func toolkits() async throws -> [Toolkit] {
        do {
            return try await current()?.toolkits ?? []
        } catch let error as ToolFailure {
            throw AgentOSError(.provider, error.message)
        }
    }

    public func tools(named names: [String], workspace: WorkspaceRef) async throws -> [any Tool] {
        guard client != nil, names.contains(where: { $0.hasPrefix("composio_") }) else { return [] }
        do {
            let tools = try await current()?.tools ?? [:]
            return names.compactMap { tools[$0] }
        } catch let error as ToolFailure {
            throw AgentOSError(.provider, error.message)
        }
    }

    private func current() async throws -> Known? {
        guard let client else { return nil }
        let now = monotonicNanoseconds()
        let old = known.withLock { $0 }
        if let old, now < old.until { return old }
        do {
            var (toolkits, tools): ([Toolkit], [String: ComposioTool]) = ([], [:])
            var seen = Set<String>()
            for account in try await client.accounts().sorted(by: { $0.toolkit < $1.toolkit }) {
                guard seen.count < Self.mostToolkits, seen.insert(account.toolkit).inserted else { continue }
                let actions = try await client.actions(of: account.toolkit)
                for action in actions {
                    tools[ComposioTool.name(of: action.slug)] = ComposioTool(action, client: client)
                }
                toolkits.append(
                    Toolkit(
                        slug: account.toolkit, connectedAt: account.createdAt,
                        actions: actions.map {
                            .init(
                                toolName: ComposioTool.name(of: $0.slug), name: $0.name, description: $0.description)
                        }))
            }
            let made = Known(until: now &+ Self.freshNanoseconds, toolkits: toolkits, tools: tools)
            known.withLock { $0 = made }
            return made
        } catch let error as ToolFailure {
            // What was known stays good while Composio is away.
            guard var old else { throw error }
            old.until = now &+ Self.retryNanoseconds
            let kept = old
            known.withLock { $0 = kept }
            return kept
        }
    }
}
