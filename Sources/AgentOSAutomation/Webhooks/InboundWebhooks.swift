import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire
import Crypto

/// A request that somebody sends to an agent's link.
public struct InboundDelivery: Sendable {
    public var body: [UInt8]
    /// By lower-case name.
    public var headers: [String: String]

    public init(body: [UInt8], headers: [String: String]) {
        self.body = body
        self.headers = headers
    }
}

/// A link that was found to be right: whose runs it starts, and how.
public struct InboundLink: Sendable {
    let agent: Agent
    let hook: InboundHook
}

extension Automation {
    /// Bytes of a delivery's name that are kept as they are.
    private static let nameBound = 200

    /// Finds what a link leads to.
    /// - Throws: NOT_FOUND for a wrong link.
    public func link(agent: AgentID, token: String) async throws -> InboundLink {
        let (workspace, hook) = try await stores.inboundHooks.open(agent: agent, token: token)
        return InboundLink(agent: try await stores.agents.agent(agent, workspace: workspace), hook: hook)
    }

    /// Starts the run that a delivery asks for, or finds the one it began before.
    /// - Throws: UNAUTHENTICATED for a wrong signature, and what an invoke throws.
    public func receive(_ delivery: InboundDelivery, over link: InboundLink) async throws -> RunID {
        let hook = link.hook
        if let secret = hook.secret,
            !InboundSignature.isValid(delivery, style: hook.style, secret: secret, now: stores.clock.now())
        {
            throw AgentOSError(.unauthenticated, "The signature is missing or wrong.")
        }
        let body = InboundBody(delivery.body, contentType: delivery.headers["content-type"])
        var request = InvokeRequest(input: Self.input(body, template: hook.template))
        request.background = true
        let invocation = Self.name(of: delivery, body, style: hook.style).map { name -> HostedRunStore.Invocation in
            // The name alone decides: a sender may well say the same thing anew in other words.
            var known = HostedRunStore.Invocation(own: "hook", name, body: [UInt8]())
            known.externalRunID = name
            return known
        }
        return try await runtime.invoke(link.agent, request, trigger: .webhook, invocation: invocation).ref.id
    }

    private static func input(_ body: InboundBody, template: JSONObject?) -> [UInt8] {
        guard let template else { return body.input }
        let root = body.root
        var input = JSONObject()
        for (name, path) in template.members {
            input[name] = path.stringValue.flatMap { JSONPath($0).value(in: root) }
        }
        return JSONValue.object(input).encoded
    }

    /// What the sender calls a delivery, the same whenever it is sent again; nil when it has no name. A long one is known
    /// by its digest.
    private static func name(of delivery: InboundDelivery, _ body: InboundBody, style: String) -> String? {
        let given = [
            delivery.headers["idempotency-key"], delivery.headers["x-github-delivery"],
            style == "stripe" ? body.root["id"]?.stringValue : nil,
        ]
        guard let name = given.compactMap({ $0 }).first(where: { !$0.isEmpty }) else { return nil }
        guard name.utf8.count > nameBound else { return name }
        let digest = SHA256.hash(data: Array(name.utf8))
        return "sha256:" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
