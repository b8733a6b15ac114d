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
    /// Which members differ.
    let members: [String]
    let work: Work?

    init(_ kind: String, _ name: String, _ action: Action, _ members: [String] = [], work: Work? = nil) {
        self.kind = kind
        self.name = name
        self.action = action
        self.members = members
        self.work = work
    }

    func line(isDone: Bool) -> String {
        let detail = members.isEmpty ? "" : " (\(members.joined(separator: ", ")))"
        return Output.printable("\(kind) \(name): \(action.words(isDone: isDone))\(detail)")
    }

    var json: JSONValue {
        [
            "kind": .string(kind), "name": .string(name), "action": .string(action.rawValue),
            "members": .array(members.map { .string($0) }),
        ]
    }
}
