import AgentOSControl
import AgentOSCore
import AgentOSStore
import HTTPTypes
import Hummingbird

extension Edge {
    /// `POST /api/mcp?workspace=`: one JSON-RPC message; a notification is accepted without an answer. The workspace of
    /// the query is meant where a call names none.
    func mcp(_ request: Request, _ principal: Principal) async throws -> Reply {
        try Self.refuseAgents(principal)
        guard services.mcp.allows(origin: request.headers[.origin]) else {
            throw AgentOSError(.forbidden, "Pages of this origin may not call this server.")
        }
        let version = HTTPField.Name("mcp-protocol-version").flatMap { request.headers[$0] }
        guard services.mcp.speaks(version: version) else {
            throw AgentOSError.invalid("mcp-protocol-version", "is not a version that this server speaks")
        }
        let workspace = Query(request)["workspace"]
        return try await bodies.withBytes(of: request, limit: configuration.maximumControlBody) { message in
            guard let answer = await services.mcp.answer(message, by: principal, workspace: workspace) else {
                return Reply([], status: 202)
            }
            return Reply(answer.body, status: answer.isReadable ? 200 : 400)
        }
    }
}
