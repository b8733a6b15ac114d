import AgentOSCore
import Yams

/// What YAML can say and JSON cannot.
struct NotJSON: Error {
    let problem: String
}

extension JSONValue {
    /// - Throws: `NotJSON`
    init(yaml node: Yams.Node) throws {
        switch node {
        case .scalar(let scalar): self = try Self.scalar(scalar)
        case .sequence(let items): self = .array(try items.map { try JSONValue(yaml: $0) })
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in mapping {
                guard let name = key.scalar?.string else { throw NotJSON(problem: "a name is not a text") }
                object[name] = try JSONValue(yaml: value)
            }
            self = .object(object)
        case .alias: throw NotJSON(problem: "aliases are not supported")
        }
    }

    private static func scalar(_ scalar: Yams.Node.Scalar) throws -> JSONValue {
        switch Resolver.default.resolveTag(of: .scalar(scalar)) {
        case .null: return .null
        case .bool: return Bool.construct(from: scalar).map { .bool($0) } ?? .string(scalar.string)
        case .int: return Int.construct(from: scalar).map { .int($0) } ?? .string(scalar.string)
        case .float:
            guard let value = Double.construct(from: scalar), value.isFinite else {
                throw NotJSON(problem: "\(scalar.string) is not a finite number")
            }
            return .double(value)
        default: return .string(scalar.string)
        }
    }
}
