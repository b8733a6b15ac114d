import AgentOSCore

/// Makes up a small value that satisfies a schema of the usual kind.
struct DemoOutput {
    private static let maximumDepth = 16
    /// How deep optional members and items are still shown; below, a schema that contains itself must end.
    private static let maximumOptionalDepth = 3
    private static let maximumItems = 20

    private let root: JSONValue

    static func value(for schema: JSONValue) -> JSONValue { DemoOutput(root: schema).value(schema, depth: 0) }

    private func value(_ schema: JSONValue, depth: Int) -> JSONValue {
        guard depth < Self.maximumDepth else { return .null }
        if let value = schema["const"] { return value }
        if let value = schema["enum"]?.arrayValue?.first { return value }
        if let target = schema["$ref"]?.stringValue { return value(resolved(target), depth: depth + 1) }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if schema["type"] == nil, let choice = schema[keyword]?.arrayValue?.first {
                return value(choice, depth: depth + 1)
            }
        }
        let type = schema["type"]?.stringValue ?? schema["type"]?.arrayValue?.first { $0 != "null" }?.stringValue
        switch type ?? (schema["properties"] != nil ? "object" : schema["items"] != nil ? "array" : "string") {
        case "object": return object(schema, depth: depth)
        case "array": return array(schema, depth: depth)
        case "integer": return number(schema, step: 1)
        case "number": return number(schema, step: 0.5)
        case "boolean": return true
        case "string": return .string(string(schema))
        default: return .null
        }
    }

    private func object(_ schema: JSONValue, depth: Int) -> JSONValue {
        let required = Set((schema["required"]?.arrayValue ?? []).compactMap(\.stringValue))
        var object = JSONObject()
        for (name, property) in schema["properties"]?.objectValue?.members ?? []
        where depth < Self.maximumOptionalDepth || required.contains(name) {
            object[name] = value(property, depth: depth + 1)
        }
        for name in required.sorted() where object[name] == nil { object[name] = "demo" }
        return .object(object)
    }

    private func array(_ schema: JSONValue, depth: Int) -> JSONValue {
        let least = min(schema["minItems"]?.countValue ?? 0, Self.maximumItems)
        let most = schema["maxItems"]?.countValue ?? Self.maximumItems
        let count = min(max(least, depth < Self.maximumOptionalDepth ? 1 : 0), most)
        let items = schema["items"] ?? ["type": "string"]
        return .array((0..<count).map { _ in value(items, depth: depth + 1) })
    }

    /// The number next to 1 within the bounds.
    private func number(_ schema: JSONValue, step: Double) -> JSONValue {
        let unit = schema["multipleOf"]?.doubleValue.flatMap { $0 > 0 ? $0 : nil } ?? step
        var value = step == 1 ? max(1, unit) : unit
        if let least = schema["minimum"]?.doubleValue, value < least { value = (least / unit).rounded(.up) * unit }
        if let below = schema["exclusiveMinimum"]?.doubleValue, value <= below {
            value = ((below / unit).rounded(.down) + 1) * unit
        }
        if let most = schema["maximum"]?.doubleValue, value > most { value = (most / unit).rounded(.down) * unit }
        if let above = schema["exclusiveMaximum"]?.doubleValue, value >= above {
            value = ((above / unit).rounded(.up) - 1) * unit
        }
        return Int(exactly: value).map { .int($0) } ?? .double(value)
    }

    private func string(_ schema: JSONValue) -> String {
        switch schema["format"]?.stringValue {
        case "date-time": return "2025-01-01T00:00:00Z"
        case "date": return "2025-01-01"
        case "time": return "00:00:00Z"
        case "email": return "demo@example.com"
        case "uri", "url": return "https://example.com/"
        case "uuid": return "00000000-0000-4000-8000-000000000000"
        default: break
        }
        let least = min(schema["minLength"]?.countValue ?? 0, 1000)
        var text = "demo"
        while text.count < least { text += " demo" }
        return String(text.prefix(max(least, min(text.count, schema["maxLength"]?.countValue ?? text.count))))
    }

    /// The part of the schema that a reference leads to.
    private func resolved(_ target: String) -> JSONValue {
        guard target.hasPrefix("#") else { return [:] }
        var place = root
        for step in target.dropFirst().split(separator: "/") {
            let name = step.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
            place = place[name] ?? [:]
        }
        return place
    }
}
