import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire

extension Parameter {
    static let runID = Parameter.required("run_id", .uuid, "The run.")
}

extension Operation {
    static func runs(_ services: ControlServices) -> [Operation] {
        [runsList(services), runsGet(services), runsEvents(services), runsInvoke(services), runsCancel(services)]
    }

    private static func runsList(_ services: ControlServices) -> Operation {
        Operation(
            "runs_list", "Lists runs, newest first.",
            [
                .optional("agent_id", .uuid, "Only runs of this agent."),
                .optional(
                    "status", .choice(["running", "completed", "failed", "cancelled"]),
                    "Only runs in this state; running also finds those that wait for somebody."),
                .limit(), .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(.runSummary)
        ) { call in
            let page = try call.page()
            let agent: AgentID? = call.parameters.optionalID("agent_id")
            var agentKey: Int64?
            if let agent { agentKey = try await services.agents.agent(agent, workspace: call.workspaceKey).key }
            let runs = try await services.runs.list(
                workspace: call.workspaceKey,
                RunFilter(agentKey: agentKey, status: call.parameters.string("status").flatMap(RunStatus.init)), page)
            return .page(runs) { .object(RunView.summary($0)) }
        }
    }

    private static func runsGet(_ services: ControlServices) -> Operation {
        Operation("runs_get", "Shows a run.", [.runID], readOnly: true, access: .role(.viewer), returns: .run) { call in
            let run = try await services.runs.detail(call.parameters.id("run_id"), workspace: call.workspaceKey)
            return OperationResult(encoded: RunView.detail(run))
        }
    }

    private static func runsEvents(_ services: ControlServices) -> Operation {
        Operation(
            "runs_get_events", "Lists a run's events by sequence number.",
            [
                .runID, .limit(1...5000, default: 500),
                .optional("after_sequence", .integer(0...1 << 53), "Only events after this sequence number."),
                .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(.event)
        ) { call in
            let page = try call.page(500)
            let (limit, place) = (page.limit, try page.key(start: 0))
            let run = try await services.runs.ref(call.parameters.id("run_id"), workspace: call.workspaceKey)
            let after = max(place, Int64(call.parameters.int("after_sequence") ?? 0))
            let events = try await services.log.events(ofRun: run.key, after: after, limit: limit + 1)
            var out = JSONWriter(capacity: events.prefix(limit).reduce(1024) { $0 + $1.raw.count + 420 })
            var renderer = EventRenderer(run: run.id)
            out.raw("[")
            for (index, event) in events.prefix(limit).enumerated() {
                if index > 0 { out.raw(",") }
                renderer.append(event, to: &out)
            }
            out.raw("]")
            // A page also ends at a number of bytes; then the count alone does not tell whether there is more.
            let shown = events.prefix(limit)
            var more = events.count > limit
            if !more, let last = shown.last, shown.count < limit {
                more = try await !services.log.events(ofRun: run.key, after: last.sequence, limit: 1).isEmpty
            }
            return OperationResult(
                encoded: out.bytes, nextCursor: more ? shown.last.map { ListPlace(.int($0.sequence)).cursor } : nil)
        }
    }

    private static func runsInvoke(_ services: ControlServices) -> Operation {
        Operation(
            "runs_invoke", "Runs a hosted agent and waits for its output, up to five minutes.",
            [
                .agentID, .optional("input", .object, "The input (default {})."),
                .optional("prompt_variables", .object, "Values for {{KEY}} in the prompt, strings."),
                .optional("session_id", .uuid, "Continue this conversation."),
                .optional("start_session", .boolean, "Open a new conversation."),
                .optional("history", .array(.object, 0...10_000), "Earlier turns, {role, content}."),
                .optional("external_user_id", .string(1...255), "Your id of the conversation's user."),
                .optional(
                    "idempotency_key", .string(1...255),
                    "The same key and parameters give the same run: printable ASCII without blanks."),
            ], access: .role(.member), returns: .invocation, audited: false
        ) { call in
            let parameters = call.parameters
            var request = InvokeRequest()
            if let input = parameters.object("input") { request.input = JSONValue.object(input).encoded }
            request.promptVariables = try InvokeRequest.variables(parameters.value("prompt_variables"))
            request.memory = try InvokeRequest.memory(
                session: parameters.optionalID("session_id"), start: parameters.bool("start_session") ?? false,
                history: parameters.value("history"))
            request.externalUserID = parameters.string("external_user_id")
            try request.checkExternalUser()
            let agent = try await services.agents.agent(parameters.id("agent_id"), workspace: call.workspaceKey)
            let started = try await services.runtime.invoke(agent, request, invocation: try invocation(parameters))
            let (data, status) = try InvokeView.result(try await services.runtime.outcome(of: started))
            return OperationResult(encoded: data, status: status)
        }
    }

    /// What recognises a `runs_invoke` that is sent again: the key, and everything that was asked for.
    private static func invocation(_ parameters: Parameters) throws -> HostedRunStore.Invocation? {
        guard let given = parameters.string("idempotency_key") else { return nil }
        let key = try HostedRunStore.Invocation.checked(given, field: "idempotency_key")
        var asked = parameters.object
        asked["workspace"] = nil
        return HostedRunStore.Invocation(key: key, body: JSONValue.object(asked).encoded)
    }

    private static func runsCancel(_ services: ControlServices) -> Operation {
        Operation(
            "runs_cancel", "Stops a run that goes on or waits.",
            [.runID, .optional("reason", .string(0...1000), "Why; kept with the run.")], access: .role(.member),
            returns: .object([("ok", .boolean), ("run_id", .uuid), ("status", .string)])
        ) { call in
            let run = try await services.runs.ref(call.parameters.id("run_id"), workspace: call.workspaceKey)
            try await services.runtime.cancel(run, reason: call.parameters.string("reason"))
            try await services.humanInput.runEnded(run)
            return OperationResult(["ok": true, "run_id": .string("\(run.id)"), "status": "cancelled"])
        }
    }
}
