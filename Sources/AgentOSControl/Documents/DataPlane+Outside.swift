import AgentOSCore
import AgentOSWire

/// The calls of assistants, senders of webhooks and the invited.
extension DataPlane {
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

    static let outside: [Call] = [
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
}
