import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSWire
import Foundation
import Hummingbird
import NIOCore

extension Edge {
    /// `POST /api/v1/rpc/<method>`
    func rpc(_ method: String, _ request: Request, _ principal: Principal) async throws -> Reply {
        try Self.refuseAgents(principal)
        do {
            return try await bodies.withObject(of: request, limit: configuration.maximumControlBody) { json in
                let result = try await services.registry.call(method, by: principal) { try json.object() }
                return reply(result)
            }
        } catch let error as AgentOSError where error.code == .validation {
            // Also of a body that is no JSON: who may not call at all is told that first.
            try await services.registry.admit(principal, to: method)
            throw error
        }
    }

    /// The kind of key is judged before anything that the request says.
    static func refuseAgents(_ principal: Principal) throws {
        if case .agent = principal.scope { throw OperationRegistry.notForAgents }
    }

    func reply(_ result: OperationResult) -> Reply {
        var reply = Reply(Envelope.data(encoded: result.data), status: result.status)
        if let cursor = result.nextCursor { reply.headers.append((Header.nextCursor, cursor)) }
        return reply
    }

    /// `GET /api/v1/tail?run_id=&agent_id=&workspace=`: committed events as they come. A watcher that is too slow gets
    /// a `gap` frame and reads the rest from the store; a key that loses the right to watch gets an `error` frame.
    func tail(_ request: Request, _ principal: Principal) async throws -> Reply {
        let query = Query(request)
        let scope = try await scope(of: principal, query, atLeast: .viewer)
        var filter = LiveFeed.Filter(workspaceKey: scope.workspace.key, agentKey: scope.agentKey)
        if let text = query["agent_id"] {
            guard let id = AgentID(text) else { throw AgentOSError.invalid("agent_id", "must be a UUID") }
            let agent = try await services.agents.agent(id, workspace: scope.workspace.key)
            if let own = scope.agentKey, own != agent.key {
                throw AgentOSError(.forbidden, "This key belongs to another agent.")
            }
            filter.agentKey = agent.key
        }
        if let text = query["run_id"] {
            guard let id = RunID(text) else { throw AgentOSError.invalid("run_id", "must be a UUID") }
            let run = try await services.runs.ref(id, workspace: scope.workspace.key)
            if let own = scope.agentKey, own != run.agentKey {
                throw AgentOSError(.forbidden, "This key belongs to another agent.")
            }
            filter.runKey = run.key
        }
        let (feed, losses) = (services.feed, services.keys.losses)
        let subscription = feed.subscribe(filter)
        let (log, agents, ping) = (services.log, services.agents, configuration.pingSeconds)
        let right = right(of: principal, in: scope.workspace, atLeast: .viewer)
        return .events { writer in
            defer { feed.unsubscribe(subscription) }
            let listener = losses.listen {
                right.doubt()
                subscription.wake()
            }
            defer { losses.stop(listener) }
            // Headers go out with the first bytes.
            try await writer.write(ByteBuffer(string: ": connected\n\n"))
            do {
                while !feed.isClosed {
                    let signal = await subscription.next(seconds: ping)
                    try await right.check(always: signal == .quiet)
                    switch signal {
                    case .quiet: try await writer.write(ByteBuffer(string: ": ping\n\n"))
                    case .gap: try await writer.write(ByteBuffer(string: "data: {\"type\":\"gap\"}\n\n"))
                    case .committed(let item):
                        try await writer.write(ByteBuffer(bytes: try await Self.frames(item, log, agents)))
                    }
                }
            } catch let error as AgentOSError {
                try await writer.write(FramePump.encode(.error(error.frame)))
            }
        }
    }

    /// The right of an open stream, to be asked for as long as it is open.
    func right(of principal: Principal, in workspace: WorkspaceRef, atLeast role: Role) -> StreamRight {
        let (keys, registry) = (services.keys, services.registry)
        return StreamRight {
            try await keys.confirm(principal)
            guard case .user = principal.scope else { return }
            _ = try await registry.context(for: principal, named: "\(workspace.id)", atLeast: role)
        }
    }

    private static func frames(_ item: LiveFeed.Item, _ log: EventLog, _ agents: AgentStore) async throws -> [UInt8] {
        let events = try await log.events(ofRun: item.run.key, after: item.first - 1, limit: item.count)
        let agent = try await agents.id(ofKey: item.run.agentKey)
        var renderer = EventRenderer(
            run: item.run.id, suffix: agent.map { Array(",\"agent_id\":\"\($0)\"".utf8) } ?? [])
        var out = JSONWriter(capacity: events.reduce(256) { $0 + $1.raw.count + 420 })
        for event in events {
            var one = JSONWriter(capacity: event.raw.count + 420)
            renderer.append(event, to: &one)
            out.raw("data: ")
            out.raw(one.bytes.asciiJSON)
            out.raw("\n\n")
        }
        return out.bytes
    }

    /// What a key may watch.
    struct WatchScope {
        let workspace: WorkspaceRef
        let agentKey: Int64?
    }

    func scope(of principal: Principal, _ query: Query, atLeast role: Role) async throws -> WatchScope {
        switch principal.scope {
        case .agent(let workspace, let agent): return WatchScope(workspace: workspace, agentKey: agent)
        case .workspace, .user:
            let context = try await services.registry.context(
                for: principal, named: query["workspace"], atLeast: role)
            return WatchScope(workspace: context.workspace.ref, agentKey: nil)
        }
    }
}

/// The query of a request's target.
struct Query {
    private var values: [String: String] = [:]

    init(_ request: Request) {
        guard let target = request.head.path, let mark = target.firstIndex(of: "?") else { return }
        for pair in target[target.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = String(parts[0]).removingPercentEncoding,
                let value = String(parts[1]).removingPercentEncoding
            else { continue }
            values[name] = value
        }
    }

    subscript(_ name: String) -> String? { values[name] }
}

extension [UInt8] {
    /// JSON bytes on one line with every non-ASCII character escaped, as event streams need it.
    fileprivate var asciiJSON: [UInt8] {
        if allSatisfy({ $0 < 0x80 && $0 != 0x0a && $0 != 0x0d }) { return self }
        guard let value = try? JSONParser.parse(self, depth: JSONParser.documentDepth) else {
            return Array("{}".utf8)
        }
        var out = JSONWriter(asciiOnly: true, capacity: count)
        out.value(value)
        return out.bytes
    }
}
