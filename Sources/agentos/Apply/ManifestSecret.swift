import AgentOSCore

/// A secret of a manifest: written there, or the name of the variable of the environment that holds it.
enum ManifestSecret {
    case none
    case text(String)
    case variable(String, place: String)

    static let keys = ["auth_secret", "auth_secret_env"]

    init(_ node: ManifestNode) throws {
        switch (try node.string("auth_secret"), try node.string("auth_secret_env")) {
        case (nil, nil): self = .none
        case (let text?, nil): self = .text(text)
        case (nil, let name?): self = .variable(name, place: "\(node.file): \(node.place("auth_secret_env"))")
        case (_?, _?): throw node.failure("\(node.path): give either auth_secret or auth_secret_env.")
        }
    }

    var isGiven: Bool { if case .none = self { false } else { true } }

    /// Whether there is one here and there; which it is nobody can tell.
    func differences(from listed: JSONValue) -> [ManifestChange] {
        let isThere = listed["has_auth"]?.boolValue ?? false
        guard isGiven != isThere else { return [] }
        return [
            ManifestChange(
                "auth_secret", from: isThere ? ManifestChange.hidden : nil, to: isGiven ? ManifestChange.hidden : nil)
        ]
    }

    /// Looked up only when it is needed: where nothing changes, nobody has to have it.
    func value() throws -> String? {
        switch self {
        case .none: return nil
        case .text(let text): return text
        case .variable(let name, let place):
            guard let value = Environment[name] else {
                throw CommandFailure("\(place): the environment has no variable \(name).")
            }
            return value
        }
    }
}
