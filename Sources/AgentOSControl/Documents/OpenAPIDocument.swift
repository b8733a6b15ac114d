import AgentOSCore
import AgentOSWire

/// The description of the whole HTTP interface as OpenAPI 3.1, out of the operations and the routes.
public struct OpenAPIDocument: Sendable {
    /// The document as JSON text.
    public let json: [UInt8]

    public init(_ operations: [Operation], version: String) {
        var schemas = Schemas()
        var paths = JSONObject()
        for call in DataPlane.calls {
            var path = paths[call.path]?.objectValue ?? JSONObject()
            path[call.method] = .object(Self.item(call, &schemas))
            paths[call.path] = .object(path)
        }
        for operation in operations {
            paths[Route.rpcPrefix + operation.name] = ["post": .object(Self.item(operation, &schemas))]
        }
        schemas["Error"] = DataPlane.errorSchema
        let document: JSONValue = [
            "openapi": "3.1.0",
            "info": [
                "title": "AgentOS", "version": .string(version),
                "description": "Records runs of AI agents, runs hosted agents durably, shows and steers both.",
            ],
            "servers": [["url": "/"]], "security": [["key": []]], "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "key": [
                        "type": "http", "scheme": "bearer",
                        "description":
                            "An agent key (aos_agent_…), workspace key (aos_ws_…) or personal key (aos_user_…).",
                    ]
                ], "schemas": .object(schemas.all),
            ],
        ]
        json = document.encoded
    }

    // MARK: - Calls

    private static func item(_ operation: Operation, _ schemas: inout Schemas) -> JSONObject {
        var ok: [(String, ResultType)] = [("200", operation.result)]
        if operation.name == "runs_invoke" { ok.append(("202", operation.result)) }
        var responses = JSONObject()
        for (status, type) in ok {
            var response: JSONObject = [
                "description": status == "202" ? "The run waits for a person." : "Done.",
                "content": ["application/json": ["schema": envelope(schemas.schema(of: type))]],
            ]
            if operation.parameters.parameters.contains(where: { $0.name == "cursor" }) {
                response["headers"] = [
                    "x-next-cursor": [
                        "description": "Where the next page begins; absent on the last one.",
                        "schema": ["type": "string"],
                    ]
                ]
            }
            responses[status] = .object(response)
        }
        addErrors(to: &responses)
        return [
            "operationId": .string(operation.name), "summary": .string(operation.summary),
            "description": .string(access(operation)), "tags": [.string(group(operation.name))],
            "requestBody": [
                "required": true,
                "content": [
                    "application/json": [
                        "schema": operation.parameterSchema(allowsNull: true),
                        "example": .object(ParameterExamples.example(of: operation)),
                    ]
                ],
            ], "responses": .object(responses),
        ]
    }

    private static func item(_ call: DataPlane.Call, _ schemas: inout Schemas) -> JSONObject {
        var responses = JSONObject()
        for answer in call.answers {
            // An answer can come as one of several types; the first says what it is.
            var response = responses[answer.status]?.objectValue ?? ["description": .string(answer.summary)]
            if let shape = answer.shape {
                let schema = schemas.schema(of: shape)
                var content = response["content"]?.objectValue ?? JSONObject()
                content[answer.contentType] = ["schema": answer.isEnveloped ? envelope(schema) : schema]
                response["content"] = .object(content)
            }
            responses[answer.status] = .object(response)
        }
        if call.isRefusable { addErrors(to: &responses) }
        var out: JSONObject = [
            "operationId": .string(call.name), "summary": .string(call.summary), "tags": [.string(call.group)],
            "responses": .object(responses),
        ]
        if call.isOpen { out["security"] = [] }
        if !call.parameters.isEmpty { out["parameters"] = .array(call.parameters) }
        if let body = call.body {
            var content = JSONObject()
            for type in call.bodyTypes { content[type] = ["schema": body.schema, "example": body.example] }
            out["requestBody"] = ["required": true, "content": .object(content)]
        }
        return out
    }

    private static func addErrors(to responses: inout JSONObject) {
        let error: JSONValue = ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]]
        for (status, summary) in DataPlane.errors where responses[status] == nil {
            responses[status] = ["description": .string(summary), "content": error]
        }
    }

    private static func envelope(_ data: JSONValue) -> JSONValue {
        [
            "type": "object", "properties": ["data": data, "error": ["type": "null"]], "required": ["data", "error"],
        ]
    }

    static func group(_ name: String) -> String {
        for prefix in ["api_keys", "mcp_servers"] where name.hasPrefix(prefix) { return prefix }
        return String(name.prefix { $0 != "_" })
    }

    static func access(_ operation: Operation) -> String {
        switch operation.access {
        case .anybody: "Any workspace or personal key."
        case .anyPerson: "A personal key."
        case .person(let role): "A personal key of somebody with the role \(role.word) or above."
        case .role(let role):
            role <= .admin
                ? "The role \(role.word) or above; a workspace key acts as an admin." : "The role \(role.word)."
        }
    }
}

/// Schemas that have a name, written once and referred to.
struct Schemas {
    private(set) var all = JSONObject()

    subscript(_ name: String) -> JSONValue? {
        get { all[name] }
        set { all[name] = newValue }
    }

    /// The schema of a type; named ones become references.
    mutating func schema(of type: ResultType) -> JSONValue {
        switch type {
        case .named(let name, let inner):
            if all[name] == nil {
                all[name] = [:]
                all[name] = schema(of: inner)
            }
            return ["$ref": .string("#/components/schemas/\(name)")]
        case .array(let element): return ["type": "array", "items": schema(of: element)]
        case .nullable(let inner): return ["anyOf": [schema(of: inner), ["type": "null"]]]
        case .object(let members), .open(let members):
            var properties = JSONObject()
            for (name, type) in members { properties[name] = schema(of: type) }
            return [
                "type": "object", "properties": .object(properties),
                "required": .array(members.map { .string($0.0) }),
            ]
        default: return .object(type.schema)
        }
    }
}
