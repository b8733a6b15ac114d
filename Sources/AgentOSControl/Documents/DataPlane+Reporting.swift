import AgentOSCore
import AgentOSWire

/// The calls of agents that run elsewhere.
extension DataPlane {
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

    static let ingest: [Call] = [
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
}
