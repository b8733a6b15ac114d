import AgentOSCore
import AgentOSWire

/// Invoking, following and answering runs on this server.
extension DataPlane {
    static let stream = Answer(
        status: "200", summary: "Server-sent events.", shape: .string, contentType: "text/event-stream",
        isEnveloped: false)

    static let hosted: [Call] = [
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

    static let people: [Call] = [
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
}
