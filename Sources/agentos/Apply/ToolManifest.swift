import AgentOSCore

/// An HTTP tool of the workspace as a manifest describes it. What is left out takes the server's default.
struct ToolManifest {
    static let keys =
        [
            "name", "method", "url", "description", "input_schema", "headers", "timeout_seconds", "requires_approval",
            "idempotent", "unknown_outcome", "enabled",
        ] + ManifestSecret.keys

    /// Members that the server's list shows, with what they are when left out.
    private static let visible: [(key: String, whenAbsent: JSONValue)] = [
        ("method", .null), ("url", .null), ("description", .null), ("input_schema", .null), ("timeout_seconds", 30),
        ("requires_approval", false), ("idempotent", false), ("unknown_outcome", "report"), ("enabled", true),
    ]

    let name: String
    let secret: ManifestSecret
    private let node: ManifestNode
    private let headers: ManifestNode?

    init(_ node: ManifestNode) throws {
        try node.check(known: Self.keys)
        self.node = node
        name = try node.requiredString("name")
        _ = try node.requiredString("method")
        _ = try node.requiredString("url")
        headers = try node.mapping("headers")
        secret = try ManifestSecret(node)
    }

    /// Whether it has anything that no list shows.
    var hasSecrets: Bool { secret.isGiven || headers?.members.isEmpty == false }

    /// The members in which a listed tool differs.
    func differences(from listed: JSONValue) -> [ManifestChange] {
        var out = Self.visible.compactMap { key, whenAbsent -> ManifestChange? in
            var (wanted, known) = (node[key] ?? whenAbsent, listed[key] ?? whenAbsent)
            if wanted == "" { wanted = .null }
            if known.isNull { known = whenAbsent }
            return wanted.means(known) ? nil : ManifestChange(key, from: known, to: wanted)
        }
        out += secret.differences(from: listed)
        let wanted = Set((headers?.members.keys ?? []).map { $0.lowercased() })
        let known = listed["header_names"]?.arrayValue.map { Set($0.compactMap { $0.stringValue?.lowercased() }) }
        if wanted != known {
            out.append(
                ManifestChange(
                    "headers", from: known.map { ManifestChange.names($0) }, to: ManifestChange.names(wanted)))
        }
        return out
    }

    /// The parameters of `tools_create_workspace`.
    func parameters() throws -> JSONObject {
        var out = JSONObject(
            node.members.members.filter { !ManifestSecret.keys.contains($0.key) && !$0.value.isNull }
                .map { ($0.key, $0.value) })
        if let secret = try secret.value() { out["auth_secret"] = .string(secret) }
        return out
    }
}
