import AgentOSCore

/// The schema of a final answer as providers take it: they want that of an object, without a choice between schemas at
/// its root. Any other is put into an object with one member, and the answer is taken out of it again.
struct OutputSchema: Sendable {
    private static let member = "output"

    /// What the provider is given.
    let root: JSONValue
    private let isWrapped: Bool

    init(_ schema: JSONValue) {
        isWrapped = schema["type"] != "object" || ["anyOf", "oneOf", "allOf"].contains { schema[$0] != nil }
        guard isWrapped else {
            root = schema
            return
        }
        var inner = Self.moved(schema)
        if var object = inner.objectValue {
            // These name a document, which the schema no longer is.
            object["$schema"] = nil
            object["$id"] = nil
            inner = .object(object)
        }
        root = [
            "type": "object", "properties": [Self.member: inner], "required": [.string(Self.member)],
            "additionalProperties": false,
        ]
    }

    /// The answer itself. A model that did not wrap it is taken as it is: whoever asked checks the answer anyway.
    func unwrapped(_ answer: JSONValue) -> JSONValue { isWrapped ? answer[Self.member] ?? answer : answer }

    /// The answer's text, unchanged where nothing is wrapped.
    func unwrapped(_ text: String) -> String {
        guard isWrapped, let answer = try? JSONParser.parse(text), let inner = answer[Self.member] else { return text }
        return inner.text
    }

    /// The schema with its references to itself leading to where it stands now.
    private static func moved(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): return .array(items.map(moved))
        case .object(let object):
            return .object(
                JSONObject(
                    object.members.map { key, value in
                        guard key == "$ref", let target = value.stringValue, target == "#" || target.hasPrefix("#/")
                        else { return (key, moved(value)) }
                        return (key, .string("#/properties/\(member)\(target.dropFirst())"))
                    }))
        default: return value
        }
    }
}
