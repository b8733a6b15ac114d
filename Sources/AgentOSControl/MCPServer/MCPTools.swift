import AgentOSCore

/// Operations as MCP tools.
enum MCPTools {
    /// Not for assistants: what hands out keys for people, changes providers or makes and removes workspaces.
    static func isOffered(_ operation: Operation) -> Bool {
        if ["workspaces_list", "api_keys_list", "api_keys_create", "api_keys_revoke"].contains(operation.name) {
            return true
        }
        return !["workspaces_", "providers_", "keys_"].contains { operation.name.hasPrefix($0) }
    }

    static func describe(_ operation: Operation) -> JSONValue {
        var tool: JSONObject = [
            "name": .string(operation.name), "description": .string(operation.summary),
            "inputSchema": operation.parameterSchema(allowsNull: false),
            "annotations": [
                "readOnlyHint": .bool(operation.isReadOnly), "destructiveHint": .bool(isDestructive(operation)),
                "idempotentHint": .bool(operation.isReadOnly || isIdempotent(operation)), "openWorldHint": false,
            ],
        ]
        if case .anything = operation.result { return .object(tool) }
        tool["outputSchema"] = [
            "type": "object", "properties": ["data": .object(operation.result.schema)], "required": ["data"],
        ]
        return .object(tool)
    }

    private static func isDestructive(_ operation: Operation) -> Bool {
        // A shorter time of keeping removes what is older, for good.
        if operation.name == "retention_set" { return true }
        return ["_delete", "_delete_case", "_remove", "_revoke", "_cancel", "_delete_workspace"].contains {
            operation.name.hasSuffix($0)
        }
    }

    private static func isIdempotent(_ operation: Operation) -> Bool {
        ["_update", "_set", "_set_status", "_upsert", "_mark_read", "_revoke", "_cancel"].contains {
            operation.name.hasSuffix($0)
        }
    }

    /// `data` is JSON; it is given as text and, for programs, as it is.
    static func result(_ data: [UInt8]) -> [UInt8] {
        var out = JSONWriter(capacity: data.count * 2 + 128)
        out.raw("{\"content\":[{\"type\":\"text\",\"text\":")
        out.string(String(decoding: data, as: UTF8.self))
        out.raw("}],\"structuredContent\":{\"data\":")
        out.raw(data)
        out.raw("},\"isError\":false}")
        return out.bytes
    }

    static func failure(_ error: AgentOSError) -> [UInt8] {
        var text = "\(error.code.wire): \(error.message)"
        if let run = error.runID { text += " (run_id \(run))" }
        let value: JSONValue = ["content": [["type": "text", "text": .string(text)]], "isError": true]
        return value.encoded
    }
}
