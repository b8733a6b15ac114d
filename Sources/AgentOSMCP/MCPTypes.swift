import AgentOSCore

/// A tool as an MCP server lists it.
public struct MCPTool: Sendable, Hashable {
    public let name: String
    public let description: String
    /// JSON Schema of the arguments, of type object.
    public let inputSchema: JSONValue
    /// The server says that calls change nothing (`readOnlyHint`).
    public let isReadOnly: Bool
    /// The server says that a repeated call has no further effect (`idempotentHint`).
    public let isIdempotent: Bool

    public init(name: String, description: String, inputSchema: JSONValue, isReadOnly: Bool, isIdempotent: Bool) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
        self.isReadOnly = isReadOnly
        self.isIdempotent = isIdempotent
    }

    /// Reads one element of `tools/list`; nil when it has no name.
    init?(_ value: JSONValue) {
        guard let name = value["name"]?.stringValue, !name.isEmpty, name.utf8.count <= 200 else { return nil }
        let hints = value["annotations"]
        self.init(
            name: name, description: value["description"]?.stringValue ?? value["title"]?.stringValue ?? "",
            inputSchema: Self.argumentsSchema(value["inputSchema"]),
            isReadOnly: hints?["readOnlyHint"]?.boolValue ?? false,
            isIdempotent: hints?["idempotentHint"]?.boolValue ?? false)
    }

    /// A server's schema as model providers take it: one that they refuse would end every run that is offered the tool.
    /// It is of type object, has properties and no choice at its root; what it says less than the server wanted, the
    /// server judges itself when it is called.
    private static func argumentsSchema(_ given: JSONValue?) -> JSONValue {
        guard var schema = given?.objectValue, isForObjects(schema["type"]),
            schema["properties"].map({ $0.objectValue != nil }) ?? true
        else { return ["type": "object", "properties": [:]] }
        schema["type"] = .string("object")
        if schema["properties"] == nil { schema["properties"] = .object(JSONObject()) }
        for choice in ["anyOf", "oneOf", "allOf"] { schema[choice] = nil }
        return .object(schema)
    }

    /// Whether values of a schema's `type` can be objects.
    private static func isForObjects(_ type: JSONValue?) -> Bool {
        guard let type else { return true }
        return type == "object" || type.arrayValue?.contains("object") == true
    }
}

/// What a tool call brought.
public struct MCPResult: Sendable, Hashable {
    /// The text blocks, one below the other; else the structured content as JSON.
    public let text: String
    /// The tool itself says that it failed.
    public let isError: Bool

    init(_ value: JSONValue) {
        var parts: [String] = []
        for block in value["content"]?.arrayValue ?? [] {
            switch block["type"]?.stringValue {
            case "text": parts.append(block["text"]?.stringValue ?? "")
            case "resource": parts.append(block["resource"]?["text"]?.stringValue ?? block.text)
            case "resource_link": parts.append(block["uri"]?.stringValue ?? block.text)
            case let kind:
                parts.append("(\(kind ?? "unknown") content of type \(block["mimeType"]?.stringValue ?? "unknown"))")
            }
        }
        if parts.isEmpty, let structured = value["structuredContent"], !structured.isNull { parts = [structured.text] }
        text = parts.joined(separator: "\n")
        isError = value["isError"]?.boolValue ?? false
    }
}

/// Why an MCP server brought no result. The message is for people and for models; it holds no secret.
public struct MCPError: Error, Sendable, Equatable {
    public let message: String
    /// Nothing of the request was carried out, for sure.
    public let wasRefused: Bool

    public init(_ message: String, wasRefused: Bool = false) {
        self.message = message
        self.wasRefused = wasRefused
    }
}
