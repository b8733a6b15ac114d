import AgentOSCore

/// An MCP server of the workspace as a manifest describes it.
struct ServerManifest {
    static let keys = ["name", "url"] + ManifestSecret.keys

    let name: String
    let secret: ManifestSecret
    private let url: String

    init(_ node: ManifestNode) throws {
        try node.check(known: Self.keys)
        name = try node.requiredString("name")
        url = try node.requiredString("url")
        secret = try ManifestSecret(node)
    }

    /// The members in which a listed server differs.
    func differences(from listed: JSONValue) -> [ManifestChange] {
        var out: [ManifestChange] = []
        if listed["url"]?.stringValue != url {
            out.append(ManifestChange("url", from: listed["url"], to: .string(url)))
        }
        return out + secret.differences(from: listed)
    }

    /// The parameters of `mcp_servers_create`.
    func parameters() throws -> JSONObject {
        var out: JSONObject = ["name": .string(name), "url": .string(url)]
        if let secret = try secret.value() { out["auth_secret"] = .string(secret) }
        return out
    }
}
