import AgentOSCore
import Yams

/// A mapping of a manifest, with its place in the file for messages.
struct ManifestNode {
    /// What messages call the file.
    let file: String
    /// Empty for the whole file, else e.g. `workspace_tools[0]`.
    let path: String
    let members: JSONObject

    /// - Throws: `CommandFailure` naming the file and what is wrong in it.
    init(yaml: String, file: String) throws {
        let root: Node?
        do {
            root = try compose(yaml: yaml)
        } catch {
            throw CommandFailure("\(file): not valid YAML: \(error)")
        }
        guard let root, let members = try YAMLReader(file: file).json(root).objectValue else {
            throw CommandFailure("\(file): a mapping is due, with the members of an agent.")
        }
        self.init(file: file, path: "", members: members)
    }

    private init(file: String, path: String, members: JSONObject) {
        self.file = file
        self.path = path
        self.members = members
    }

    func failure(_ text: String) -> CommandFailure { CommandFailure("\(file): \(text)") }

    func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The value; nil when it is absent or null.
    subscript(_ key: String) -> JSONValue? { members[key].flatMap { $0.isNull ? nil : $0 } }

    /// Refuses members of other names.
    func check(known: [String]) throws {
        let unknown = members.keys.filter { !known.contains($0) }.map(place)
        guard unknown.isEmpty else {
            throw failure("unknown \(unknown.count == 1 ? "key" : "keys") \(unknown.joined(separator: ", "))")
        }
    }

    func string(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.stringValue else { throw failure("\(place(key)): text is due, not \(value.kindName).") }
        return text
    }

    func requiredString(_ key: String) throws -> String {
        guard let text = try string(key), !text.isEmpty else { throw failure("\(place(key)) is missing.") }
        return text
    }

    func bool(_ key: String) throws -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.boolValue else {
            throw failure("\(place(key)): true or false is due, not \(value.kindName).")
        }
        return flag
    }

    func mapping(_ key: String) throws -> ManifestNode? {
        guard let value = self[key] else { return nil }
        guard let members = value.objectValue else {
            throw failure("\(place(key)): a mapping is due, not \(value.kindName).")
        }
        return ManifestNode(file: file, path: place(key), members: members)
    }

    private func items(_ key: String) throws -> [JSONValue]? {
        guard let value = self[key] else { return nil }
        guard let items = value.arrayValue else {
            throw failure("\(place(key)): a list is due, not \(value.kindName).")
        }
        return items
    }

    /// The mappings of a list; empty when there is none.
    func list(_ key: String) throws -> [ManifestNode] {
        guard let items = try items(key) else { return [] }
        return try items.enumerated().map { position, item in
            let path = "\(place(key))[\(position)]"
            guard let members = item.objectValue else {
                throw failure("\(path): a mapping is due, not \(item.kindName).")
            }
            return ManifestNode(file: file, path: path, members: members)
        }
    }

    /// The texts of a list, each once; nil when there is none.
    func strings(_ key: String) throws -> [String]? {
        guard let items = try items(key) else { return nil }
        var seen = Set<String>()
        return try items.enumerated().compactMap { position, item in
            guard let text = item.stringValue else {
                throw failure("\(place(key))[\(position)]: text is due, not \(item.kindName).")
            }
            return seen.insert(text).inserted ? text : nil
        }
    }
}

/// YAML as JSON.
private struct YAMLReader {
    let file: String

    func json(_ node: Node) throws -> JSONValue {
        switch node {
        case .scalar(let scalar): return try json(scalar)
        case .sequence(let items): return .array(try items.map(json))
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in mapping {
                guard let name = key.scalar?.string else { throw CommandFailure("\(file): a key must be text.") }
                object[name] = try json(value)
            }
            return .object(object)
        case .alias: throw CommandFailure("\(file): aliases are not supported.")
        }
    }

    private func json(_ scalar: Node.Scalar) throws -> JSONValue {
        switch Resolver.default.resolveTag(of: .scalar(scalar)) {
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
