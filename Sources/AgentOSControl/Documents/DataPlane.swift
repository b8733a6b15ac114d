import AgentOSCore
import AgentOSWire

/// The calls beside the methods of the control plane, for documents.
enum DataPlane {
    struct Answer {
        let status: String
        let summary: String
        let shape: ResultType
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
        let answers: [Answer]
        /// Answers without a key.
        var isOpen = false
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

    static let calls: [Call] = ingest + hosted + people + open

    // MARK: - Pieces

    private static func body(_ parameters: [Parameter], _ example: JSONObject? = nil) -> (JSONValue, JSONValue) {
        (
            .object(ParameterSchema(parameters).plainSchema()),
            .object(example ?? ParameterExamples.example(of: parameters))
        )
    }

    private static func path(_ name: String, _ summary: String) -> JSONValue {
        [
            "name": .string(name), "in": "path", "required": true, "description": .string(summary),
            "schema": ["type": "string", "format": "uuid"],
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
                Answer(status: "200", summary: "The run is over.", shape: .invocation),
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
                query("cursor", .string(0...100), "Where the previous page ended."),
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

    // MARK: - Without a key

    private static let open: [Call] = [
        Call(
            name: "healthz", method: "get", path: "/healthz", group: "server", summary: "Says that the process lives.",
            answers: [Answer(status: "200", summary: "It does.", shape: .object([("status", .string)]))], isOpen: true),
        Call(
            name: "readyz", method: "get", path: "/readyz", group: "server",
            summary: "Says whether the server takes requests.",
            answers: [
                Answer(status: "200", summary: "It does.", shape: .object([("status", .string)])),
                Answer(
                    status: "503", summary: "It does not.", shape: .named("Unready", .freeObject), isEnveloped: false),
            ], isOpen: true),
    ]
}
