import AgentOSCore

/// Tells whether OpenAI's strict mode takes a schema. It knows a part of JSON Schema and refuses the request for
/// anything else, so a doubt counts as no: without strict mode the model is still shown the schema.
struct OpenAIStrictSchema {
    private static let keywords: Set<String> = [
        "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "exclusiveMaximum",
        "exclusiveMinimum", "format", "items", "maxItems", "maximum", "minItems", "minimum", "multipleOf", "properties",
        "required", "title", "type",
    ]
    private static let types: Set<String> = ["array", "boolean", "integer", "null", "number", "object", "string"]
    private static let formats: Set<String> = [
        "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid",
    ]
    private static let maximumDepth = 10
    /// Properties and values of enumerations together, the lowest bound that the provider ever had.
    private static let maximumEntries = 500

    private var entries = 0

    static func accepts(_ schema: JSONValue) -> Bool {
        var check = OpenAIStrictSchema()
        return schema["type"] == "object" && check.accepts(schema, depth: 1)
    }

    private mutating func accepts(_ schema: JSONValue, depth: Int) -> Bool {
        guard depth <= Self.maximumDepth, let object = schema.objectValue,
            object.keys.allSatisfy(Self.keywords.contains)
        else { return false }
        if let target = object["$ref"] { return object.count == 1 && target.stringValue?.hasPrefix("#") == true }
        if let format = object["format"], !Self.formats.contains(format.stringValue ?? "") { return false }
        entries += object["enum"]?.arrayValue?.count ?? 0
        let definitions = object["$defs"]?.objectValue?.members.map(\.value)
        guard entries <= Self.maximumEntries, all(definitions, depth: depth) else { return false }
        if let choices = object["anyOf"] {
            guard let choices = choices.arrayValue, !choices.isEmpty, all(choices, depth: depth) else { return false }
            return object["type"] == nil
        }
        let types = object["type"]?.arrayValue ?? [object["type"] ?? .null]
        guard !types.isEmpty, types.allSatisfy({ Self.types.contains($0.stringValue ?? "") }) else { return false }
        if types.contains("array") {
            guard let items = object["items"], accepts(items, depth: depth + 1) else { return false }
        }
        return !types.contains("object") || acceptsObject(object, depth: depth)
    }

    /// Every property must be required, and there may be no others.
    private mutating func acceptsObject(_ object: JSONObject, depth: Int) -> Bool {
        guard object["additionalProperties"] == false, let properties = object["properties"]?.objectValue else {
            return false
        }
        let required = (object["required"]?.arrayValue ?? []).map { $0.stringValue }
        entries += properties.count
        return Set(required) == Set(properties.keys) && all(properties.members.map(\.value), depth: depth)
    }

    private mutating func all(_ schemas: [JSONValue]?, depth: Int) -> Bool {
        for schema in schemas ?? [] where !accepts(schema, depth: depth + 1) { return false }
        return true
    }
}
