import AgentOSClient

/// What has to be done to make a workspace what a manifest says, found out without changing anything.
struct ApplyPlan {
    let manifest: AgentManifest
    let client: AgentOSClient
    /// Replace also what differs in nothing that can be seen, but has a secret.
    let replaceSecrets: Bool

    /// What the agent needs comes before it, in the order in which it is to be done.
    /// - Returns: the steps, and the agent's id when there is one.
    func steps() async throws -> (steps: [ApplyStep], agentID: String?) {
        var steps: [ApplyStep] = []
        if !manifest.tools.isEmpty { steps += try toolSteps(await client.rows("tools_list_workspace")) }
        if !manifest.servers.isEmpty { steps += try serverSteps(await client.rows("mcp_servers_list")) }
        if !manifest.resources.isEmpty { steps += resourceSteps(try await client.rows("resources_list")) }
        let id = try await client.agent(named: manifest.name)?.description
        steps.append(try await agentStep(id))
        if let budget = manifest.dailyBudget { steps += try await budgetSteps(budget, agentID: id) }
        return (steps, id)
    }

    // MARK: - Tools and servers

    private func toolSteps(_ listed: [JSONValue]) throws -> [ApplyStep] {
        let maker = Maker(
            client: client, create: "tools_create_workspace", delete: "tools_delete_workspace", id: "tool_id",
            listed: listed)
        return try manifest.tools.map { tool in
            try maker.step(
                "tool", tool.name, hasSecrets: replaceSecrets && tool.hasSecrets, tool.differences, tool.parameters)
        }
    }

    private func serverSteps(_ listed: [JSONValue]) throws -> [ApplyStep] {
        let maker = Maker(
            client: client, create: "mcp_servers_create", delete: "mcp_servers_delete", id: "mcp_server_id",
            listed: listed)
        return try manifest.servers.map { server in
            try maker.step(
                "mcp server", server.name, hasSecrets: replaceSecrets && server.secret.isGiven, server.differences,
                server.parameters)
        }
    }

    /// Makes what can only be created and deleted.
    private struct Maker {
        /// Under this name it is tried whether the server takes something before what is there is deleted.
        private static let trialPrefix = "applying-"

        let client: AgentOSClient
        let create: String
        let delete: String
        let id: String
        let listed: [JSONValue]

        func step(
            _ kind: String, _ name: String, hasSecrets: Bool, _ differences: (JSONValue) -> [ManifestChange],
            _ parameters: () throws -> JSONObject
        ) throws -> ApplyStep {
            guard let known = find(name) else {
                let body = try parameters()
                return ApplyStep(kind, name, .create, ManifestChange.all(of: body)) { agent in
                    _ = try await client.rpc(create, body)
                    return agent
                }
            }
            var changes = differences(known)
            if changes.isEmpty, hasSecrets {
                changes = [ManifestChange("secrets", from: ManifestChange.hidden, to: ManifestChange.hidden)]
            }
            guard !changes.isEmpty else { return ApplyStep(kind, name, .unchanged) }
            let body = try parameters()
            return ApplyStep(kind, name, .replace, changes) { agent in
                try await tryOut(body, named: name)
                try await remove(known.cell("id"))
                _ = try await client.rpc(create, body)
                return agent
            }
        }

        private func find(_ name: String) -> JSONValue? { listed.first { $0["name"]?.stringValue == name } }

        private func remove(_ value: String) async throws { _ = try await client.rpc(delete, [id: .string(value)]) }

        /// What the server refuses must not cost what is there.
        private func tryOut(_ body: JSONObject, named name: String) async throws {
            let trial = String((Self.trialPrefix + name).prefix(40))
            if let left = find(trial) { try await remove(left.cell("id")) }
            var body = body
            body["name"] = .string(trial)
            try await remove(try await client.rpc(create, body).data.cell("id"))
        }
    }

    // MARK: - Resources

    private func resourceSteps(_ listed: [JSONValue]) -> [ApplyStep] {
        manifest.resources.map { resource in
            let name = resource.filename
            guard let known = listed.first(where: { $0["filename"]?.stringValue == name }) else {
                return ApplyStep("resource", name, .create, [resource.creation]) { agent in
                    _ = try await client.rpc("resources_create", resource.parameters)
                    return agent
                }
            }
            let changes = resource.differences(from: known)
            guard !changes.isEmpty else { return ApplyStep("resource", name, .unchanged) }
            return ApplyStep("resource", name, .replace, changes) { agent in
                try await replace(resource)
                return agent
            }
        }
    }

    /// The new content is stored, beside the old one, before that is deleted: what the server refuses costs nothing,
    /// and whatever fails later leaves the one or the other.
    private func replace(_ resource: ResourceManifest) async throws {
        let name = resource.filename
        // The name is taken, so that it gets a number.
        let spare = try await client.rpc("resources_create", resource.parameters).data.cell("filename")
        guard spare != name else { return }
        do {
            try await removeResource(name)
        } catch {
            try? await removeResource(spare)
            throw error
        }
        do {
            _ = try await client.rpc("resources_create", resource.parameters)
        } catch {
            guard let failure = CommandFailure(error) else { throw error }
            throw CommandFailure("\(failure.message) Its new content is there as \(spare).", failure.status)
        }
        try await removeResource(spare)
    }

    private func removeResource(_ name: String) async throws {
        _ = try await client.rpc("resources_delete", ["filename": .string(name)])
    }

    // MARK: - The agent

    private func agentStep(_ id: String?) async throws -> ApplyStep {
        guard let id else {
            let body = manifest.createParameters
            return ApplyStep("agent", manifest.name, .create, ManifestChange.all(of: body)) { _ in
                try await client.rpc("agents_create", body).data.cell("agent_id")
            }
        }
        let known = try await client.rpc("agents_get", ["agent_id": .string(id)]).data
        var wanted = try manifest.changes(from: known)
        guard !wanted.isEmpty else { return ApplyStep("agent", manifest.name, .unchanged) }
        let changes = wanted.members.map { ManifestChange($0.key, from: known[$0.key], to: $0.value) }
        wanted["agent_id"] = .string(id)
        let body = wanted
        return ApplyStep("agent", manifest.name, .update, changes) { agent in
            _ = try await client.rpc("agents_update", body)
            return agent
        }
    }

    private func budgetSteps(_ daily: JSONValue, agentID: String?) async throws -> [ApplyStep] {
        let now: JSONValue
        if let agentID {
            now = try await client.rpc("budgets_get", ["agent_id": .string(agentID)]).data["daily_usd"] ?? .null
        } else {
            now = .null
        }
        let name = "of \(manifest.name)"
        guard !daily.means(now) else { return daily.isNull ? [] : [ApplyStep("budget", name, .unchanged)] }
        let changes = [ManifestChange("daily_usd", from: now, to: daily)]
        let step = ApplyStep("budget", name, now.isNull ? .create : .update, changes) { agent in
            // Without an agent it would be the workspace's.
            guard let agent else { throw CommandFailure("The agent's id is not known.") }
            _ = try await client.rpc("budgets_set", ["agent_id": .string(agent), "daily_usd": daily])
            return agent
        }
        return [step]
    }
}
