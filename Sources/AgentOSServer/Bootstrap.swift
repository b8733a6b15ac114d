import AgentOSCore
import AgentOSStore

/// The first content of an empty store: a workspace, its owner, an agent of each kind, and their keys.
enum Bootstrap {
    /// Writes it in one transaction.
    /// - Returns: what `agentos init --json` prints, shown this once.
    static func run(_ store: Stores) async throws -> JSONObject {
        let workspaceKey = GeneratedKey(.workspace)
        let userKey = GeneratedKey(.user)
        let hostedKey = GeneratedKey(.agent)
        let reportedKey = GeneratedKey(.agent)
        let email = "owner@agentos.local"
        let password = RandomText.alphanumeric(24)
        let hash = try Vault.hash(password: password)
        let now = store.clock.now()
        let (workspace, hosted, reported) = try await store.committer.write { connection in
            let user = try WorkspaceStore.insertUser(
                email: email, name: "Owner", passwordHash: hash, now: now, connection)
            let workspace = try WorkspaceStore.insert(
                name: "Default", slug: "default", owner: user, now: now, connection)
            let key = workspace.ref.key
            _ = try KeyStore.insert(workspaceKey, name: "Workspace key", workspace: key, now: now, connection)
            _ = try KeyStore.insert(userKey, name: "Owner", workspace: nil, user: user, now: now, connection)
            let hosted = try AgentStore.insert(
                demo(workspace.ref), now: now, connection)
            let reported = try AgentStore.insert(
                Agent(
                    key: 0, id: AgentID.new(at: now), workspaceKey: key, workspaceID: workspace.ref.id,
                    name: "Reporting agent", description: "Runs elsewhere and reports its runs here.",
                    runtimeType: .external, createdAt: now, updatedAt: now), now: now, connection)
            _ = try KeyStore.insert(
                hostedKey, name: "Demo agent", workspace: key, agent: hosted.key, now: now, connection)
            _ = try KeyStore.insert(
                reportedKey, name: "Reporting agent", workspace: key, agent: reported.key, now: now, connection)
            return (workspace, hosted, reported)
        }
        return [
            "workspace_id": .string("\(workspace.ref.id)"), "workspace_slug": .string(workspace.slug),
            "workspace_key": .string(workspaceKey.text), "owner_email": .string(email),
            "owner_password": .string(password), "user_key": .string(userKey.text),
            "hosted_agent_id": .string("\(hosted.id)"), "hosted_agent_key": .string(hostedKey.text),
            "reported_agent_id": .string("\(reported.id)"), "reported_agent_key": .string(reportedKey.text),
        ]
    }

    private static func demo(_ workspace: WorkspaceRef) -> Agent {
        let epoch = Timestamp(microseconds: 0)
        return Agent(
            key: 0, id: AgentID.new(at: epoch), workspaceKey: workspace.key, workspaceID: workspace.id,
            name: "Demo agent", description: "Answers without any model or key, to try things out.",
            providerType: .demo, model: "demo", systemPrompt: "You are the built-in demo agent.",
            tools: ["current_time"], createdAt: epoch, updatedAt: epoch)
    }
}
