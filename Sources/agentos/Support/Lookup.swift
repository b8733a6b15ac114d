import AgentOSClient

extension AgentOSClient {
    /// All rows of a control-plane list, page by page, up to `limit`.
    func rows(_ method: String, _ params: JSONObject = [:], limit: Int = .max) async throws -> [JSONValue] {
        var params = params
        var rows: [JSONValue] = []
        while true {
            let page = try await rpc(method, params)
            guard let items = page.data.arrayValue else {
                throw CommandFailure("\(method) did not answer with a list.")
            }
            rows.append(contentsOf: items)
            guard rows.count < limit, let cursor = page.nextCursor, !items.isEmpty else {
                return Array(rows.prefix(limit))
            }
            params["cursor"] = .string(cursor)
        }
    }

    /// The agent that is meant by a name or an id.
    func agentID(_ reference: String) async throws -> AgentID {
        if let id = AgentID(reference) { return id }
        if apiKey.hasPrefix("aos_agent_") {
            throw CommandFailure("With an agent key the agent has to be given by its id.", .usage)
        }
        guard let id = try await agent(named: reference) else {
            throw CommandFailure("No agent is called \(reference).", .notFound)
        }
        return id
    }

    /// The one agent with this name, or nil.
    func agent(named name: String) async throws -> AgentID? {
        let found = try await rows("agents_list").filter { $0["name"]?.stringValue == name }
        guard found.count <= 1 else {
            let ids = found.map { $0.cell("id") }.joined(separator: ", ")
            throw CommandFailure("\(found.count) agents are called \(name); give one of the ids: \(ids)")
        }
        return found.first?["id"]?.stringValue.flatMap { AgentID($0) }
    }
}

/// Reads an id argument.
func parseID<Named>(_ text: String, _ noun: String) throws -> ID<Named> {
    guard let id = ID<Named>(text) else { throw CommandFailure("This is not the id of a \(noun): \(text)", .usage) }
    return id
}
