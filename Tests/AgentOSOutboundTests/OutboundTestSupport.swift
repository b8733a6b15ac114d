import AgentOSCore
import AgentOSOutbound
import AgentOSTestSupport

/// A client that is shut down afterwards.
func withClient<Result>(
    allowing ranges: String = "", _ body: (OutboundClient) async throws -> Result
) async throws -> Result {
    let client = OutboundClient(policy: try OutboundPolicy(allowList: ranges))
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// What `send` refuses with; nil when it does not.
func refusal(_ client: OutboundClient, _ request: OutboundRequest) async throws -> OutboundError.Kind? {
    do {
        _ = try await client.send(request)
        return nil
    } catch let error as OutboundError {
        return error.kind
    }
}

extension FakeStep {
    static func redirect(_ status: Int, to location: String) -> FakeStep {
        .raw(status: status, headers: [("location", location)], body: "")
    }
}

/// A model call that the fake accepts, as plain bytes.
let plainModelCall = Array(
    #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#.utf8)

/// The same, answered as a stream.
let streamedModelCall = Array(
    #"{"model":"m","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#.utf8)
