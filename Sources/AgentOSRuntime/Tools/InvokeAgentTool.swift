import AgentOSCore
import AgentOSStore
import AgentOSWire

/// `invoke_agent`: runs another hosted agent of the workspace as a child run and waits for it.
struct InvokeAgentTool: Tool {
    static let depthBound = 5

    /// Starts a child run.
    let start: @Sendable (AgentID, InvokeRequest, ToolContext) async throws -> LiveRun

    let definition = ToolDefinition(
        name: "invoke_agent", description: "Runs another agent of this workspace and returns its output.",
        inputSchema: [
            "type": "object",
            "properties": [
                "agent_id": ["type": "string", "description": "The id of the agent (a UUID)."],
                "input": ["type": "object", "description": "The input of the agent."],
                "prompt_variables": [
                    "type": "object", "additionalProperties": ["type": "string"],
                    "description": "Values for placeholders of its prompt.",
                ],
            ],
            "required": ["agent_id", "input"],
        ])

    let writes = true

    // The child is run as a test itself.
    func stub(_ arguments: JSONObject) -> JSONValue? { nil }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let given = Arguments(arguments)
        guard let id = AgentID(try given.string("agent_id")) else { throw ToolFailure("agent_id must be a UUID.") }
        guard context.run.depth < Self.depthBound else {
            throw ToolFailure("Agents may call each other at most \(Self.depthBound) levels deep.")
        }
        var request = InvokeRequest(parentRunID: context.run.ref.id, test: context.isTest)
        request.input = JSONValue.object(try given.optionalObject("input") ?? JSONObject()).encoded
        for (name, value) in try given.optionalTexts("prompt_variables") { request.promptVariables[name] = value }
        let child: LiveRun
        do {
            child = try await start(id, request, context)
        } catch let error as AgentOSError {
            throw ToolFailure(error.message)
        }
        let result = await withTaskCancellationHandler {
            await child.result()
        } onCancel: {
            child.stop(.cancelled("The run that started this one was stopped."))
        }
        try Task.checkCancellation()
        switch result {
        case .completed(let output, _): return String(decoding: output, as: UTF8.self)
        case .failed(let error): throw ToolFailure("The agent's run \(child.ref.id) failed: \(error.message)")
        }
    }
}
