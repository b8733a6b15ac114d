import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSWire
import Hummingbird

extension Edge {
    /// `GET /api/v1/approvals?agent_id=&limit=&workspace=`: `approvals_list` by another road.
    func approvals(_ request: Request, _ principal: Principal) async throws -> Reply {
        try Self.refuseAgents(principal)
        let query = Query(request)
        var body = JSONObject()
        for name in ["agent_id", "workspace", "cursor"] { if let value = query[name] { body[name] = .string(value) } }
        if let limit = query["limit"] {
            guard let number = Int(limit) else { throw AgentOSError.invalid("limit", "must be an integer") }
            body["limit"] = .int(number)
        }
        let given = body
        return reply(try await services.registry.call("approvals_list", by: principal) { given })
    }

    /// `POST /api/v1/approvals/:id/decide`: `approvals_decide` by another road; the path names the approval.
    func decide(_ id: ApprovalID, _ request: Request, _ principal: Principal) async throws -> Reply {
        try Self.refuseAgents(principal)
        let workspace = Query(request)["workspace"]
        return try await bodies.withObject(of: request, limit: configuration.maximumControlBody) { json in
            let result = try await services.registry.call("approvals_decide", by: principal) {
                let given = try json.object()
                if let twice = given.repeated.sorted().first {
                    throw AgentOSError.invalid(twice, "is given more than once")
                }
                // Unknown members are let pass on this road, as on all that are not methods.
                var body: JSONObject = ["approval_id": .string("\(id)")]
                for name in ["decision", "decision_note", "note", "arguments", "workspace"] {
                    if let value = given[name] { body[name] = value }
                }
                if body["workspace"] == nil, let workspace { body["workspace"] = .string(workspace) }
                return body
            }
            return reply(result)
        }
    }
}
