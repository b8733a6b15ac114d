import AgentOSCore

/// One thing that applying a manifest does, or finds already done.
struct ApplyStep {
    enum Action: String {
        case create, replace, update, unchanged

        func words(isDone: Bool) -> String {
            switch self {
            case .create: isDone ? "created" : "would create"
            case .replace: isDone ? "replaced" : "would replace"
            case .update: isDone ? "updated" : "would update"
            case .unchanged: "unchanged"
            }
        }
    }

    /// Takes the agent's id, as far as it is known, and returns it.
    typealias Work = (_ agentID: String?) async throws -> String?

    let kind: String
    let name: String
    let action: Action
    /// In which members the server differs.
    let changes: [ManifestChange]
    let work: Work?

    init(_ kind: String, _ name: String, _ action: Action, _ changes: [ManifestChange] = [], work: Work? = nil) {
        self.kind = kind
        self.name = name
        self.action = action
        self.changes = changes
        self.work = work
    }

    /// What is or would be done; of something new its members go without saying.
    func line(isDone: Bool) -> String {
        let members = action == .create ? [] : changes.map(\.member)
        let detail = members.isEmpty ? "" : " (\(members.joined(separator: ", ")))"
        return Output.printable("\(kind) \(name): \(action.words(isDone: isDone))\(detail)")
    }

    var json: JSONValue {
        [
            "kind": .string(kind), "name": .string(name), "action": .string(action.rawValue),
            "members": .array(changes.map { .string($0.member) }), "diff": .array(changes.map(\.json)),
        ]
    }
}
