import AgentOSCore

/// `ask_human`: the run waits for a person's answer; the runtime asks, not this tool.
struct AskHumanTool: Tool {
    let definition = ToolDefinition(
        name: "ask_human", description: "Asks a person a question and waits for the answer.",
        inputSchema: [
            "type": "object",
            "properties": [
                "question": ["type": "string", "minLength": 1, "maxLength": 20_000, "description": "The question."],
                "options": [
                    "type": "array", "items": ["type": "string"], "description": "Answers to choose from.",
                ],
                "context": ["type": "object", "description": "What the person should know to answer."],
            ],
            "required": ["question"],
        ])

    let writes = false

    let interaction = ToolInteraction.question

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        throw ToolFailure("ask_human is answered by a person; there is nobody to ask here.")
    }
}
