import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire
import Crypto
import Foundation

/// A request that somebody sends to an agent's link.
public struct InboundDelivery: Sendable {
    public var agent: AgentID
    public var token: String
    public var body: [UInt8]
    /// By lower-case name.
    public var headers: [String: String]

    public init(agent: AgentID, token: String, body: [UInt8], headers: [String: String]) {
        self.agent = agent
        self.token = token
        self.body = body
        self.headers = headers
    }
}

extension Automation {
    /// Seconds by which a signed time may differ from the clock here.
    private static let tolerance: Int64 = 300

    /// Starts the run that a delivery asks for, or finds the one it began before.
    /// - Throws: NOT_FOUND for a wrong link, UNAUTHENTICATED for a wrong signature, and what an invoke throws.
    public func receive(_ delivery: InboundDelivery) async throws -> RunID {
        let (workspace, style, secret, template) = try await stores.inboundHooks.open(
            agent: delivery.agent, token: delivery.token)
        if let secret, !Self.isSigned(delivery, style: style, secret: secret, now: stores.clock.now()) {
            throw AgentOSError(.unauthenticated, "The signature is missing or wrong.")
        }
        let agent = try await stores.agents.agent(delivery.agent, workspace: workspace)
        let parsed = try? JSONParser.parse(delivery.body)
        var request = InvokeRequest()
        if let template {
            var input = JSONObject()
            for (name, path) in template.members {
                input[name] = path.stringValue.flatMap { JSONPath($0).value(in: parsed ?? .null) }
            }
            request.input = JSONValue.object(input).encoded
        } else if parsed?.objectValue != nil {
            request.input = delivery.body
        } else {
            request.input = JSONValue.object(["body": .string(String(decoding: delivery.body, as: UTF8.self))]).encoded
        }
        request.background = true
        let name =
            delivery.headers["idempotency-key"] ?? delivery.headers["x-github-delivery"]
            ?? (style == "stripe" ? parsed?["id"]?.stringValue : nil)
        let invocation = name.map {
            HostedRunStore.Invocation(key: "hook:" + String($0.prefix(200)), body: delivery.body)
        }
        return try await runtime.invoke(agent, request, trigger: .webhook, invocation: invocation).ref.id
    }

    private static func isSigned(
        _ delivery: InboundDelivery, style: String, secret: String, now: Timestamp
    ) -> Bool {
        let key = SymmetricKey(data: Array(secret.utf8))
        func matches(_ hex: Substring, _ message: [UInt8]) -> Bool {
            guard let code = bytes(ofHex: hex) else { return false }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message, using: key)
        }
        guard style == "stripe" else {
            let header = delivery.headers[style == "github" ? "x-hub-signature-256" : "x-agentos-signature"] ?? ""
            return header.hasPrefix("sha256=") && matches(header.dropFirst(7), delivery.body)
        }
        let parts = (delivery.headers["stripe-signature"] ?? "").split(separator: ",").map {
            $0.split(separator: "=", maxSplits: 1)
        }
        guard let time = parts.first(where: { $0.first == "t" })?.last, let seconds = Int64(time),
            abs(now.microseconds / 1_000_000 - seconds) <= tolerance
        else { return false }
        return parts.contains {
            $0.count == 2 && $0[0] == "v1" && matches($0[1], Array("\(seconds).".utf8) + delivery.body)
        }
    }

    private static func bytes(ofHex text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
