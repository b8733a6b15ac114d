import AgentOSCore
import AgentOSWire

/// The calls beside the methods of the control plane, for documents.
enum DataPlane {
    struct Answer {
        let status: String
        let summary: String
        /// Nil for an answer without a body.
        let shape: ResultType?
        var contentType = "application/json"
        var isEnveloped = true
    }

    struct Call {
        let name: String
        let method: String
        let path: String
        let group: String
        let summary: String
        var parameters: [JSONValue] = []
        var body: (schema: JSONValue, example: JSONValue)?
        var bodyTypes = ["application/json"]
        let answers: [Answer]
        /// Answers without a key.
        var isOpen = false
        /// Whether it can be refused in the ways that all calls can.
        var isRefusable = true
    }

    static let errors: [(String, String)] = [
        ("400", "VALIDATION_ERROR: the request is malformed; details name the field."),
        ("401", "UNAUTHENTICATED: no key, or one that is unknown or revoked."),
        ("402", "PAYMENT_REQUIRED: a budget is used up."), ("403", "FORBIDDEN: the key may not do this."),
        ("404", "NOT_FOUND: there is no such object, or not in this workspace."),
        ("405", "METHOD_NOT_ALLOWED: the path knows other methods."), ("408", "TIMEOUT: it took too long."),
        ("409", "CONFLICT: the object's state does not allow it."),
        ("413", "PAYLOAD_TOO_LARGE: the body is over the limit."),
        ("429", "RATE_LIMITED: too many requests; Retry-After says when to try again."),
        ("500", "INTERNAL_ERROR: the server is at fault."), ("502", "PROVIDER_ERROR: the model provider failed."),
        ("503", "INTERNAL_ERROR: the server cannot take this now."),
    ]

    static let errorSchema: JSONValue = [
        "type": "object", "required": ["data", "error"],
        "properties": [
            "data": ["type": "null"],
            "error": [
                "type": "object", "required": ["code", "message"],
                "properties": [
                    "code": [
                        "type": "string",
                        "enum": .array(Array(Set(ErrorCode.allCases.map(\.wire))).sorted().map(JSONValue.string)),
                    ], "message": ["type": "string"],
                    "details": [
                        "type": "array",
                        "items": [
                            "type": "object", "required": ["path", "message"],
                            "properties": ["path": ["type": "string"], "message": ["type": "string"]],
                        ],
                    ], "run_id": ["type": "string", "format": "uuid"],
                ],
            ],
        ],
    ]

    static let calls: [Call] = ingest + hosted + people + outside + server

    // MARK: - Pieces

    static func body(_ parameters: [Parameter], _ example: JSONObject? = nil) -> (JSONValue, JSONValue) {
        (
            .object(ParameterSchema(parameters).plainSchema()),
            .object(example ?? ParameterExamples.example(of: parameters))
        )
    }

    static func path(_ name: String, _ summary: String, _ type: ParameterType = .uuid) -> JSONValue {
        [
            "name": .string(name), "in": "path", "required": true, "description": .string(summary),
            "schema": .object(type.schema),
        ]
    }

    static func query(_ name: String, _ type: ParameterType, _ summary: String) -> JSONValue {
        [
            "name": .string(name), "in": "query", "description": .string(summary), "schema": .object(type.schema),
        ]
    }

    static let idempotencyKey: JSONValue = [
        "name": "Idempotency-Key", "in": "header",
        "description": "Recognises the call when it is sent again: the same key and body answer with the same run.",
        "schema": ["type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"],
    ]

    static let run = Parameter.required("run_id", .uuid, "The run.")
    static let count = ParameterType.integer(0...Int(Int32.max))
}
