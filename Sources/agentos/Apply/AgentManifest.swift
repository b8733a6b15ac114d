import AgentOSCore
import Foundation

/// An agent written down in a file, with the tools, files and servers it works with.
struct AgentManifest {
    /// Members of `agents_create` and `agents_update`, in the order of the documentation.
    static let agentKeys = [
        "name", "runtime_type", "system_prompt", "role", "description", "provider_type", "model", "fallback_models",
        "tools", "approval_tools", "tags", "temperature", "max_tokens", "max_iterations", "max_cost_usd", "folder_id",
        "prompt_variables", "input_schema", "output_schema", "pinned_resource_ids", "webhook_url",
    ]
    static let otherKeys = ["system_prompt_file", "budget", "workspace_tools", "resources", "mcp_servers"]
    private static let nameLists = ["tools", "approval_tools", "fallback_models", "pinned_resource_ids"]

    let name: String
    let tools: [ToolManifest]
    let servers: [ServerManifest]
    let resources: [ResourceManifest]
    /// What the day may cost, null for no budget; nil leaves it as it is.
    let dailyBudget: JSONValue?
    /// The agent's own members as the file gives them.
    private let members: JSONObject
    private let root: ManifestNode

    /// - Parameter file: the manifest's path; nil for the standard input.
    /// - Throws: `CommandFailure` that names the file and what is wrong in it.
    init(yaml: String, file: String?) throws {
        let root = try ManifestNode(yaml: yaml, file: file ?? "standard input")
        try root.check(known: Self.agentKeys + Self.otherKeys)
        self.root = root
        name = try root.requiredString("name")
        let cut = file?.lastIndex(of: "/")
        let folder = cut.flatMap { end in file.map { String($0[...end]) } } ?? ""

        tools = try root.list("workspace_tools").map(ToolManifest.init)
        servers = try root.list("mcp_servers").map(ServerManifest.init)
        resources = try root.list("resources").map { try ResourceManifest($0, folder: folder, manifest: file) }
        try Self.checkUnique(tools.map(\.name), in: "workspace_tools", root)
        try Self.checkUnique(servers.map(\.name), in: "mcp_servers", root)
        try Self.checkUnique(resources.map(\.filename), in: "resources", root)

        if let budget = try root.mapping("budget") {
            try budget.check(known: ["daily_usd"])
            dailyBudget = budget.members["daily_usd"] ?? .null
        } else {
            dailyBudget = root.members["budget"]
        }
        members = try Self.agentMembers(root, folder: folder)
    }

    private static func checkUnique(_ names: [String], in key: String, _ root: ManifestNode) throws {
        var seen = Set<String>()
        for name in names where !seen.insert(name).inserted { throw root.failure("\(key): \(name) is there twice.") }
    }

    private static func agentMembers(_ root: ManifestNode, folder: String) throws -> JSONObject {
        var members = JSONObject(
            root.members.members.filter { agentKeys.contains($0.key) }.map { ($0.key, $0.value) })
        for key in nameLists {
            if let names = try root.strings(key) { members[key] = .array(names.map { .string($0) }) }
        }
        if let path = try root.string("system_prompt_file") {
            guard root.members["system_prompt"] == nil else {
                throw root.failure("give either system_prompt or system_prompt_file.")
            }
            members["system_prompt"] = .string(try Input.file(path.hasPrefix("/") ? path : folder + path))
        }
        return members
    }

    /// Tools and servers that are described, but that the agent is not given.
    var unusedTools: [String] {
        guard let given = members["tools"]?.arrayValue?.compactMap(\.stringValue) else { return [] }
        return tools.map(\.name).filter { !given.contains($0) }
    }

    /// The members of `agents_create`: what is null counts as not given.
    var createParameters: JSONObject {
        var out = JSONObject(members.members.filter { !$0.value.isNull }.map { ($0.key, $0.value) })
        if let pins = pins(now: []) { out["pinned_resource_ids"] = .array(pins.map { .string($0) }) }
        return out
    }

    /// The members of `agents_update` that differ from what the agent has now.
    /// - Throws: `CommandFailure` when the file wants what cannot be changed.
    func changes(from agent: JSONValue) throws -> JSONObject {
        var wanted = members
        let now = agent["pinned_resource_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if let pins = pins(now: now) { wanted["pinned_resource_ids"] = .array(pins.map { .string($0) }) }
        var changes = JSONObject()
        for (key, value) in wanted.members {
            let isSame = value.isNull ? isCleared(key, in: agent) : value.means(agent[key] ?? .null)
            guard !isSame else { continue }
            guard key != "runtime_type" else {
                throw root.failure("the runtime_type of an agent cannot be changed; delete it first.")
            }
            changes[key] = value
        }
        return changes
    }

    /// Whether a member is what `null` makes of it: nothing, or its default.
    private func isCleared(_ key: String, in agent: JSONValue) -> Bool {
        let now = agent[key] ?? .null
        if JSONValue.null.means(now) { return true }
        switch key {
        case "max_tokens": return now.intValue == Agent.defaultMaxTokens
        case "max_iterations": return now.intValue == Agent.defaultMaxIterations
        case "provider_type":
            // The model's; without a model that tells, the server has chosen.
            guard let own = members["model"]?.stringValue.flatMap(ModelNames.provider(forModel:)) else { return true }
            return now.stringValue == own.rawValue
        case "model":
            let provider = (members["provider_type"] ?? agent["provider_type"])?.stringValue
            return now.stringValue == ModelNames.defaultModel(for: provider.flatMap(ProviderType.init) ?? .demo)
        default: return false
        }
    }

    /// What is pinned: as the file lists it, else as it is now, but with the file's resources as each of them says. Nil
    /// when the file has nothing to say about it.
    private func pins(now: [String]) -> [String]? {
        let listed = members["pinned_resource_ids"]
        guard !resources.isEmpty else { return listed?.arrayValue?.compactMap(\.stringValue) }
        var pins = listed.map { $0.arrayValue?.compactMap(\.stringValue) ?? [] } ?? now
        if listed == nil {
            let unpinned = Set(resources.filter { !$0.isPinned }.map(\.filename))
            pins.removeAll { unpinned.contains($0) }
        }
        for resource in resources where resource.isPinned && !pins.contains(resource.filename) {
            pins.append(resource.filename)
        }
        return pins
    }
}
