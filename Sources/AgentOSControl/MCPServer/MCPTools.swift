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
            "inputSchema": inputSchema(operation),
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

    private static func inputSchema(_ operation: Operation) -> JSONValue {
        let schema = operation.parameterSchema(allowsNull: false)
        guard var object = schema.objectValue, var properties = object["properties"]?.objectValue,
            var cursor = properties["cursor"]?.objectValue
        else { return schema }
        // Here there are no headers to find it in.
        cursor["description"] = "Where the previous page ended: the cursor in its last text, next_cursor of its _meta."
        properties["cursor"] = .object(cursor)
        object["properties"] = .object(properties)
        return .object(object)
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

    /// The data is JSON; it is given as text and, for programs, as it is. So is the cursor of a page that is not the
    /// last, in a text of its own, since models are shown nothing else.
    static func result(_ result: OperationResult) -> [UInt8] {
        let data = result.data
        var out = JSONWriter(capacity: data.count * 2 + 256)
        out.raw("{\"content\":[{\"type\":\"text\",\"text\":")
        out.string(String(decoding: data, as: UTF8.self))
        if let cursor = result.nextCursor {
            out.raw("},{\"type\":\"text\",\"text\":")
            out.string("More: call again with cursor \"\(cursor)\".")
        }
        out.raw("}],\"structuredContent\":{\"data\":")
        out.raw(data)
        out.raw("},\"isError\":false")
        if let cursor = result.nextCursor {
            out.raw(",\"_meta\":{\"next_cursor\":")
            out.string(cursor)
            out.raw("}")
        }
        out.raw("}")
        return out.bytes
    }

    static func failure(_ error: AgentOSError) -> [UInt8] {
        var text = "\(error.code.wire): \(error.message)"
        if let run = error.runID { text += " (run_id \(run))" }
        let value: JSONValue = ["content": [["type": "text", "text": .string(text)]], "isError": true]
        return value.encoded
    }
}
