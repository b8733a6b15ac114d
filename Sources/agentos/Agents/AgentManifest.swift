import AgentOSCore
import Yams

/// An agent written down in a file, with the member names of `agents_create`.
struct AgentManifest {
    /// Member names in the order of the documentation.
    static let knownKeys = [
        "name", "runtime_type", "system_prompt", "role", "description", "provider_type", "model", "tools", "tags",
        "temperature", "max_tokens", "max_iterations", "folder_id", "prompt_variables", "input_schema",
        "output_schema", "approval_tools", "webhook_url",
    ]

    let name: String
    let members: JSONObject
    /// What messages call the file.
    private let file: String

    /// - Throws: `CommandFailure` that names the file and what is wrong in it.
    init(yaml: String, file: String) throws {
        let root: Node?
        do {
            root = try compose(yaml: yaml)
        } catch {
            throw CommandFailure("\(file): not valid YAML: \(error)")
        }
        guard let root, let members = try Self.json(root, file: file).objectValue else {
            throw CommandFailure("\(file): a mapping is due, with the members of an agent.")
        }
        let unknown = members.keys.filter { !Self.knownKeys.contains($0) }
        guard unknown.isEmpty else {
            let noun = unknown.count == 1 ? "unknown key" : "unknown keys"
            throw CommandFailure("\(file): \(noun) \(unknown.joined(separator: ", "))")
        }
        guard let name = members["name"]?.stringValue, !name.isEmpty else {
            throw CommandFailure("\(file): name is missing.")
        }
        self.file = file
        self.name = name
        self.members = members
    }

    /// The members of `agents_create`: what is null counts as not given.
    var createParameters: JSONObject {
        JSONObject(members.members.filter { !$0.value.isNull }.map { ($0.key, $0.value) })
    }

    /// The members of `agents_update` that differ from what the agent has now.
    /// - Throws: `CommandFailure` when the file wants what cannot be changed.
    func changes(from agent: JSONValue) throws -> JSONObject {
        var changes = JSONObject()
        for (key, value) in members.members where !Self.same(value, agent[key] ?? .null) {
            guard key != "runtime_type" else {
                throw CommandFailure("\(file): the runtime_type of an agent cannot be changed; delete it first.")
            }
            changes[key] = value
        }
        return changes
    }

    /// Equal in meaning: `1` and `1.0` are the same number, and nothing is the same as empty.
    private static func same(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.number, .number): a == b || (a.doubleValue != nil && a.doubleValue == b.doubleValue)
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { same($0, $1) }
        case (.object(let a), .object(let b)):
            Set(a.keys + b.keys).allSatisfy { same(a[$0] ?? .null, b[$0] ?? .null) }
        case (.null, .array(let items)), (.array(let items), .null): items.isEmpty
        case (.null, .object(let object)), (.object(let object), .null): object.isEmpty
        default: a == b
        }
    }

    // MARK: - YAML

    private static func json(_ node: Node, file: String) throws -> JSONValue {
        switch node {
        case .scalar(let scalar): return try json(scalar, file: file)
        case .sequence(let items): return .array(try items.map { try json($0, file: file) })
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in mapping {
                guard let name = key.scalar?.string else { throw CommandFailure("\(file): a key must be text.") }
                object[name] = try json(value, file: file)
            }
            return .object(object)
        case .alias: throw CommandFailure("\(file): aliases are not supported.")
        }
    }

    private static func json(_ scalar: Node.Scalar, file: String) throws -> JSONValue {
        switch scalar.resolvedTag {
        case .null: return .null
        case .bool: return Bool.construct(from: scalar).map { .bool($0) } ?? .string(scalar.string)
        case .int: return Int.construct(from: scalar).map { .int($0) } ?? .string(scalar.string)
        case .float:
            guard let value = Double.construct(from: scalar), value.isFinite else {
                throw CommandFailure("\(file): \(scalar.string) is not a number that can be sent.")
            }
            return .double(value)
        default: return .string(scalar.string)
        }
    }
}

extension Node.Scalar {
    /// What YAML takes this text for.
    fileprivate var resolvedTag: Tag.Name { Resolver.default.resolveTag(of: .scalar(self)) }
}
