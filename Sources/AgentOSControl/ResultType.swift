import AgentOSCore

/// The shape of an operation's answer, for documents and for whoever reads them.
public indirect enum ResultType: Sendable {
    case anything
    case uuid, string, time, integer, number, boolean
    /// Any JSON object.
    case freeObject
    case choice([String])
    case array(ResultType)
    /// The value or null.
    case nullable(ResultType)
    /// Members in the order they are shown; all of them are always there.
    case object([(String, ResultType)])
    /// As `object`, with further members at times.
    case open([(String, ResultType)])
    /// A name under the document's shared schemas, with its shape.
    case named(String, ResultType)

    /// As JSON Schema, shared shapes written out.
    public var schema: JSONObject {
        switch self {
        case .anything: return [:]
        case .uuid: return ["type": "string", "format": "uuid"]
        case .string: return ["type": "string"]
        case .time: return ["type": "string", "format": "date-time"]
        case .integer: return ["type": "integer"]
        case .number: return ["type": "number"]
        case .boolean: return ["type": "boolean"]
        case .freeObject: return ["type": "object"]
        case .choice(let words): return ["type": "string", "enum": .array(words.map(JSONValue.string))]
        case .array(let element): return ["type": "array", "items": .object(element.schema)]
        case .open(let members): return ResultType.object(members).schema
        case .nullable(let type): return ["anyOf": [.object(type.schema), ["type": "null"]]]
        case .object(let members):
            var properties = JSONObject()
            for (name, type) in members { properties[name] = .object(type.schema) }
            return [
                "type": "object", "properties": .object(properties),
                "required": .array(members.map { .string($0.0) }),
            ]
        case .named(_, let type): return type.schema
        }
    }
}
