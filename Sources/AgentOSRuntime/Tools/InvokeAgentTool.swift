import AgentOSCore
import AgentOSStore
import AgentOSWire

/// `invoke_agent`: runs another hosted agent of the workspace as a child run and waits for it.
///
/// The child's id follows from the call, so that a call that is made again after a crash finds the child it began.
struct InvokeAgentTool: Tool {
    static let depthBound = 5

    weak let runtime: Runtime?

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

    let startsRuns = true

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome { .retry }

    // The child is run as a test itself.
    func stub(_ arguments: JSONObject, isGated: Bool) -> JSONValue? { nil }

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let outcome = try await outcome(of: arguments, context)
        if outcome.isError { throw ToolFailure(outcome.content) }
        return outcome.content
    }

    func outcome(of arguments: JSONObject, _ context: ToolContext) async throws -> ToolOutcome {
        guard let runtime else { throw AgentOSError.shuttingDown }
        let childID = RunID(context.idempotencyKey)
        let child: RunRef
        if let known = try? await runtime.services.runs.ref(childID, workspace: context.workspace.key) {
            child = known
        } else {
            child = try await begin(childID, arguments, context, runtime)
        }
        let report = try await withTaskCancellationHandler {
            try await runtime.outcome(of: child)
        } onCancel: {
            // A parent that is stopped takes its children along; one that the process lets go of does not.
            switch context.run.stopReason {
            case .cancelled?, .timeout?:
                Task { try? await runtime.cancel(child, reason: "The run that started this one was stopped.") }
            case .draining?, nil: return
            }
        }
        try Task.checkCancellation()
        // The child was let go of and goes on later; so does this run, which finds it again.
        if case .failed(let error) = report.result, error.code == .unavailable { throw error }
        let cost = try await runtime.services.hosted.cost(of: child.key)
        switch report.result {
        case .completed(let output, _): return ToolOutcome(String(decoding: output, as: UTF8.self), cost: cost)
        case .paused(let pause, _):
            let what = pause.status == .awaitingApproval ? "a person's approval" : "a person's answer"
            return ToolOutcome(
                "The agent's run \(child.id) waits for \(what); its output is not there yet.", isError: true, cost: cost
            )
        case .failed(let error):
            return ToolOutcome("The agent's run \(child.id) failed: \(error.message)", isError: true, cost: cost)
        }
    }

    private func begin(
        _ id: RunID, _ arguments: JSONObject, _ context: ToolContext, _ runtime: Runtime
    ) async throws -> RunRef {
        let given = Arguments(arguments)
        guard let agentID = AgentID(try given.string("agent_id")) else { throw ToolFailure("agent_id must be a UUID.") }
        let plan = context.run.plan
        guard plan.depth < Self.depthBound else {
            throw ToolFailure("Agents may call each other at most \(Self.depthBound) levels deep.")
        }
        guard !plan.lineage.contains(agentID) else {
            throw ToolFailure(
                "The agent \(agentID) is at work above this run already; agents must not call each other in a circle.")
        }
        var request = InvokeRequest(parentRunID: context.run.ref.id, test: context.isTest)
        request.input = JSONValue.object(try given.optionalObject("input") ?? JSONObject()).encoded
        for (name, value) in try given.optionalTexts("prompt_variables") { request.promptVariables[name] = value }
        do {
            let agent = try await runtime.services.agents.agent(agentID, workspace: context.workspace.key)
            return try await runtime.invoke(
                agent, request, trigger: .agent, invocation: nil,
                parent: .init(live: context.run, childID: id, maxCost: context.costShare)
            ).ref
        } catch let error as AgentOSError where error.code != .unavailable {
            throw ToolFailure(error.message)
        }
    }
}
