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

    private static func body(_ parameters: [Parameter], _ example: JSONObject? = nil) -> (JSONValue, JSONValue) {
        (
            .object(ParameterSchema(parameters).plainSchema()),
            .object(example ?? ParameterExamples.example(of: parameters))
        )
    }

    private static func path(_ name: String, _ summary: String, _ type: ParameterType = .uuid) -> JSONValue {
        [
            "name": .string(name), "in": "path", "required": true, "description": .string(summary),
            "schema": .object(type.schema),
        ]
    }

    private static func query(_ name: String, _ type: ParameterType, _ summary: String) -> JSONValue {
        [
            "name": .string(name), "in": "query", "description": .string(summary), "schema": .object(type.schema),
        ]
    }

    private static let idempotencyKey: JSONValue = [
        "name": "Idempotency-Key", "in": "header",
        "description": "Recognises the call when it is sent again: the same key and body answer with the same run.",
        "schema": ["type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"],
    ]

    private static let run = Parameter.required("run_id", .uuid, "The run.")
    private static let count = ParameterType.integer(0...Int(Int32.max))

    // MARK: - Reporting

    private static func report(
        _ call: Route.IngestCall, _ name: String, _ summary: String, _ body: (JSONValue, JSONValue), _ shape: ResultType
    ) -> Call {
        var answers = [Answer(status: "200", summary: "Stored.", shape: shape)]
        if call == .humanInput { answers.append(Answer(status: "202", summary: "Not answered yet.", shape: shape)) }
        return Call(
            name: name, method: "post", path: Route.ingestPrefix + call.rawValue, group: "ingest", summary: summary,
            body: (schema: body.0, example: body.1), answers: answers)
    }

    private static let ended = ResultType.object([("run_id", .uuid), ("status", .string)])

    private static let eventSchema: JSONValue = [
        "type": "object", "required": ["type"],
        "properties": [
            "type": ["type": "string", "minLength": 1, "maxLength": 255],
            "level": ["type": "string", "enum": ["debug", "info", "warn", "error"]], "payload": ["type": "object"],
            "occurred_at": ["type": "string", "format": "date-time"],
            "span_id": ["type": "string", "minLength": 1, "maxLength": 128],
            "parent_span_id": ["type": "string", "minLength": 1, "maxLength": 128],
            "kind": ["type": "string", "minLength": 1, "maxLength": 64],
            "started_at": ["type": "string", "format": "date-time"],
            "ended_at": ["type": "string", "format": "date-time"], "duration_ms": ["type": "integer", "minimum": 0],
        ],
    ]

    private static let ingest: [Call] = [
        report(
            .runStart, "ingest_run_start", "Starts a run that is executed elsewhere.",
            body([
                .required("agent_id", .uuid, "The agent."),
                .optional("trigger_type", .choice(["manual", "scheduled", "webhook", "sdk"]), "Default sdk."),
                .optional("input", .object, "Its input."),
                .optional("external_run_id", .string(1...255), "Your id: a second start with it finds the same run."),
                .optional("parent_run_id", .uuid, "The run that this one is a part of."),
            ]), .object([("run_id", .uuid)])),
        report(
            .events, "ingest_events", "Stores events of a run, all or none.",
            (
                [
                    "type": "object", "required": ["run_id", "events"],
                    "properties": [
                        "run_id": ["type": "string", "format": "uuid"],
                        "events": ["type": "array", "minItems": 1, "maxItems": 1000, "items": eventSchema],
                    ],
                ],
                [
                    "run_id": .string(ParameterExamples.id),
                    "events": [["type": "step.completed", "level": "info", "payload": ["rows": 42]]],
                ]
            ), .object([("accepted", .integer)])),
        report(
            .runComplete, "ingest_run_complete", "Ends a run well.",
            body([
                run, .optional("output", .object, "Its output."), .optional("input_tokens", count, "Tokens in."),
                .optional("output_tokens", count, "Tokens out."),
                .optional("cache_read_tokens", count, "Read from cache."),
                .optional("cache_creation_tokens", count, "Written to cache."),
            ]), ended),
        report(
            .runFail, "ingest_run_fail", "Ends a run that failed.",
            body([
                run, .required("error_message", .string(1...4000), "What went wrong."),
                .optional("error_detail", .object, "More of it."),
            ]), ended),
        report(
            .runCancel, "ingest_run_cancel", "Ends a run that was called off.",
            body([run, .optional("reason", .string(0...1000), "Why.")]), ended),
        report(
            .tasks, "ingest_tasks", "Adds a task to a run, or updates it by its id.",
            (
                [
                    "type": "object", "required": ["run_id", "task"],
                    "properties": [
                        "run_id": ["type": "string", "format": "uuid"],
                        "task": .object(
                            ParameterSchema([
                                .required("id", .uuid, "Chosen by you."),
                                .required("name", .string(1...255), "What it is."),
                                .required(
                                    "status", .choice(TaskStatus.allCases.map(\.rawValue)), "How far it is."),
                                .optional("input", .object, "Its input."),
                                .optional("output", .object, "Its output."),
                                .optional("error_message", .string(0...Int.max), "What went wrong."),
                            ]).plainSchema()),
                    ],
                ],
                [
                    "run_id": .string(ParameterExamples.id),
                    "task": ["id": .string(ParameterExamples.id), "name": "parse", "status": "running"],
                ]
            ), .object([("task_id", .uuid), ("status", .string)])),
        report(
            .humanInput, "ingest_human_input", "Asks a person and waits up to 270 seconds for the answer.",
            body([
                run, .required("prompt", .string(1...10_000), "The question."),
                .optional("timeout_seconds", .integer(1...604_800), "How long the question stands (default 3600)."),
                .optional("context", .object, "What the person should know."),
                .optional("request_id", .uuid, "Goes on waiting for this question."),
            ]), .open([("request_id", .uuid)])),
    ]

    // MARK: - Hosted runs

    private static let stream = Answer(
        status: "200", summary: "Server-sent events.", shape: .string, contentType: "text/event-stream",
        isEnveloped: false)

    private static let hosted: [Call] = [
        Call(
            name: "agents_invoke", method: "post", path: Route.agentsPrefix + "{agent_id}/invoke", group: "hosted runs",
            summary: "Runs a hosted agent and answers with its output, or streams it.",
            parameters: [path("agent_id", "The agent."), idempotencyKey],
            body: {
                let (schema, example) = body(
                    [
                        .optional("input", .object, "The input (default {})."),
                        .optional("prompt_variables", .object, "{KEY: text} for {{KEY}} in the prompt."),
                        .optional("session_id", .uuid, "Continue this conversation."),
                        .optional("start_session", .boolean, "Open a new conversation."),
                        .optional("history", .array(.object, 0...10_000), "Earlier turns, {role, content}."),
                        .optional("external_user_id", .string(1...255), "Your id of the conversation's user."),
                        .optional("parent_run_id", .uuid, "The run that this one is a part of."),
                        .optional("test", .boolean, "A test run: tools that write are not called."),
                        .optional("stream", .boolean, "Answer with server-sent events."),
                        .optional("background", .boolean, "Answer 202 at once."),
                    ], ["input": ["message": "Hello"]])
                return (schema: schema, example: example)
            }(),
            answers: [
                Answer(status: "200", summary: "The run is over; with stream: its frames.", shape: .invocation),
                stream,
                Answer(
                    status: "202", summary: "The run waits for a person, or goes on in the background.",
                    shape: .open([("run_id", .uuid)])),
            ]),
        Call(
            name: "runs_stream", method: "get", path: Route.runsPrefix + "{run_id}/stream", group: "hosted runs",
            summary: "Streams a run's frames from any place on.",
            parameters: [
                path("run_id", "The run."),
                [
                    "name": "Last-Event-ID", "in": "header", "description": "Goes on after this frame.",
                    "schema": ["type": "string"],
                ],
            ], answers: [stream]),
        answer("human-input", "runs_human_input", "Answers the one open question of a run.", named: false),
        answer("reply", "runs_reply", "Answers a question of a run by its id.", named: true),
    ]

    private static func answer(_ last: String, _ name: String, _ summary: String, named: Bool) -> Call {
        let id: [Parameter] = named ? [.required("request_id", .uuid, "The question.")] : []
        let (schema, example) = body(id + [.required("response", .string(1...100_000), "The answer.")])
        return Call(
            name: name, method: "post", path: Route.runsPrefix + "{run_id}/" + last, group: "hosted runs",
            summary: summary, parameters: [path("run_id", "The run.")], body: (schema: schema, example: example),
            answers: [
                Answer(status: "200", summary: "The run is over.", shape: .open([("run_id", .uuid)])),
                Answer(status: "202", summary: "The run waits again.", shape: .open([("run_id", .uuid)])),
            ])
    }

    private static let people: [Call] = [
        Call(
            name: "approvals", method: "get", path: Route.approvalsPath, group: "approvals",
            summary: "Lists tool calls that wait for a yes.",
            parameters: [
                query("agent_id", .uuid, "Only those of this agent."),
                query("limit", .integer(1...100), "How many at most (default 20)."),
                query("cursor", .string(0...2000), "Where the previous page ended."),
                query("workspace", .string(0...100), "Slug or id; needed with a personal key."),
            ], answers: [Answer(status: "200", summary: "Oldest first.", shape: .array(.approval))]),
        Call(
            name: "approvals_decide_by_path", method: "post", path: Route.approvalsPath + "/{approval_id}/decide",
            group: "approvals", summary: "Lets a tool call happen, or not.",
            parameters: [path("approval_id", "The approval.")],
            body: {
                let (schema, example) = body([
                    .required("decision", .choice(["approved", "rejected", "approve", "reject"]), "Yes or no."),
                    .optional("decision_note", .string(0...2000), "Why; shown in the run's log."),
                    .optional("arguments", .object, "Other arguments for the call."),
                ])
                return (schema: schema, example: example)
            }(),
            answers: [
                Answer(
                    status: "200", summary: "Decided; the run goes on by itself.",
                    shape: .object([
                        ("ok", .boolean), ("approval_id", .uuid), ("status", .string), ("run_id", .uuid),
                    ]))
            ]),
    ]

    // MARK: - For others than applications

    /// A JSON-RPC message, as far as a request can be refused for it.
    private static let message: JSONValue = [
        "type": "object", "required": ["jsonrpc", "method"],
        "properties": [
            "jsonrpc": ["const": "2.0"], "id": ["type": ["string", "number", "null"]], "method": ["type": "string"],
            "params": ["description": "An object, as the method wants it."],
        ],
    ]

    private static let invitation = ResultType.open([
        ("workspace", .object([("slug", .string), ("name", .string)])), ("email", .string), ("role", .string),
    ])

    private static let outside: [Call] = [
        Call(
            name: "tail", method: "get", path: Route.tailPath, group: "events",
            summary: "Streams events as they are committed, without an end.",
            parameters: [
                query("run_id", .uuid, "Only those of this run."),
                query("agent_id", .uuid, "Only those of this agent."),
                query("workspace", .string(0...100), "Slug or id; needed with a personal key."),
            ], answers: [stream]),
        Call(
            name: "mcp", method: "post", path: Route.mcpPath, group: "assistants",
            summary: "Takes one message of the Model Context Protocol (Streamable HTTP, without sessions).",
            parameters: [
                [
                    "name": "MCP-Protocol-Version", "in": "header", "description": "The version agreed on.",
                    "schema": ["type": "string", "enum": .array(MCPServer.versions.map(JSONValue.string))],
                ]
            ],
            body: (schema: message, example: ["jsonrpc": "2.0", "id": 1, "method": "tools/list"]),
            answers: [
                Answer(status: "200", summary: "A JSON-RPC answer.", shape: .freeObject, isEnveloped: false),
                Answer(status: "202", summary: "Taken; a notification has no answer.", shape: nil),
                Answer(
                    status: "400", summary: "The message cannot be read, or its version is not spoken here.",
                    shape: .freeObject, isEnveloped: false),
            ]),
        Call(
            name: "hook", method: "post", path: Route.hooksPrefix + "{agent_id}/{token}", group: "inbound webhooks",
            summary: "Starts a run of an agent with what another system sends. The link is the key.",
            parameters: [
                path("agent_id", "The agent."), path("token", "The secret part of the link.", .string(1...200)),
                idempotencyKey,
            ],
            body: (schema: [:], example: ["issue": ["title": "It does not start."]]),
            answers: [Answer(status: "202", summary: "The run goes on.", shape: .object([("run_id", .uuid)]))],
            isOpen: true),
        Call(
            name: "invite_show", method: "get", path: Route.invitesPrefix + "{token}", group: "people",
            summary: "Shows what an invite leads to, to browsers as a page. The link is the key.",
            parameters: [path("token", "The secret part of the link.", .string(1...200))],
            answers: [
                Answer(status: "200", summary: "What it leads to.", shape: invitation),
                Answer(
                    status: "200", summary: "The same as a page.", shape: .string, contentType: "text/html",
                    isEnveloped: false),
            ], isOpen: true),
        Call(
            name: "invite_accept", method: "post", path: Route.invitesPrefix + "{token}", group: "people",
            summary: "Joins the workspace. Somebody new gets a personal key; who has an account comes with one.",
            parameters: [path("token", "The secret part of the link.", .string(1...200))],
            body: {
                let (schema, example) = body([.optional("name", .string(0...120), "The name of whoever joins.")])
                return (schema: schema, example: example)
            }(),
            bodyTypes: ["application/json", "application/x-www-form-urlencoded"],
            answers: [
                Answer(status: "200", summary: "Joined; api_key is shown this once.", shape: invitation),
                Answer(
                    status: "200", summary: "The same as a page.", shape: .string, contentType: "text/html",
                    isEnveloped: false),
            ], isOpen: true),
    ]

    // MARK: - The server itself

    private static let server: [Call] = [
        Call(
            name: "healthz", method: "get", path: "/healthz", group: "server", summary: "Says that the process lives.",
            answers: [Answer(status: "200", summary: "It does.", shape: .object([("status", .string)]))], isOpen: true,
            isRefusable: false),
        Call(
            name: "readyz", method: "get", path: "/readyz", group: "server",
            summary: "Says whether the server takes requests.",
            answers: [
                Answer(status: "200", summary: "It does.", shape: .object([("status", .string)])),
                Answer(
                    status: "503", summary: "It does not.", shape: .named("Unready", .freeObject), isEnveloped: false),
            ], isOpen: true, isRefusable: false),
        text("metrics", "/metrics", "Numbers about the server, for Prometheus.", "text/plain"),
        text("docs", "/docs", "The control plane's methods as a page.", "text/html"),
        Call(
            name: "openapi", method: "get", path: "/openapi.json", group: "server", summary: "This description.",
            answers: [Answer(status: "200", summary: "It.", shape: .freeObject, isEnveloped: false)], isOpen: true,
            isRefusable: false),
    ]

    private static func text(_ name: String, _ path: String, _ summary: String, _ type: String) -> Call {
        Call(
            name: name, method: "get", path: path, group: "server", summary: summary,
            answers: [
                Answer(status: "200", summary: "Text.", shape: .string, contentType: type, isEnveloped: false)
            ], isOpen: true, isRefusable: false)
    }
}
