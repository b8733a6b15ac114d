import AgentOSAutomation
import AgentOSCore
import HTTPTypes
import Hummingbird

extension Edge {
    /// `POST /api/v1/hooks/<agent_id>/<token>`: starts a run with what another system sends. The link is the key.
    func hook(_ link: InboundLink, _ request: Request) async throws -> Reply {
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        let given = headers
        return try await bodies.withBytes(of: request, limit: configuration.maximumBody) { body in
            let run = try await services.automation.receive(InboundDelivery(body: body, headers: given), over: link)
            return .data({ $0.value(["run_id": .string("\(run)")]) }, status: 202)
        }
    }
}
