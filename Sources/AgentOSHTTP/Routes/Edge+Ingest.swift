import AgentOSCore
import AgentOSStore
import AgentOSWire
import Hummingbird

extension Edge {
    /// `POST /api/ingest/v1/*`: reports of runs that are executed elsewhere.
    func ingest(_ call: Route.IngestCall, _ request: Request, _ principal: Principal) async throws -> Reply {
        guard let workspace = principal.workspace else {
            throw AgentOSError(.forbidden, "A personal key cannot report runs; use an agent or workspace key.")
        }
        let reporter = Reporter(principal: principal, workspace: workspace)
        return try await bodies.withObject(of: request, limit: configuration.maximumBody) { json in
            switch call {
            case .events: try await events(json, reporter)
            case .runStart: try await runStart(json, reporter)
            case .runComplete: try await end(try .complete(json), reporter)
            case .runFail:
                try await end(
                    try .fail(
                        json, cutsLongMessages: request.headers[.userAgent]?.hasPrefix("agentos-sdk-py/0.2") == true),
                    reporter)
            case .runCancel: try await end(try .cancel(json), reporter)
            case .tasks: try await task(json, reporter)
            case .humanInput: try await humanInput(json, reporter)
            }
        }
    }

    /// Who reports, and what they may report on.
    struct Reporter: Sendable {
        let principal: Principal
        let workspace: WorkspaceRef

        /// - Throws: FORBIDDEN when the key is another agent's.
        func check(agent: Int64) throws {
            if case .agent(_, let own) = principal.scope, own != agent {
                throw AgentOSError(.forbidden, "This key belongs to another agent.")
            }
        }
    }

    private func run(_ id: RunID, _ reporter: Reporter) async throws -> RunRef {
        let run = try await services.runs.ref(id, workspace: reporter.workspace.key)
        try reporter.check(agent: run.agentKey)
        return run
    }

    private func events(_ json: CheckedJSON, _ reporter: Reporter) async throws -> Reply {
        let request = try EventsRequest(json)
        let run = try await run(request.runID, reporter)
        try admitNewData()
        let receipt = try await services.log.append(request.batch, toRun: run.key)
        metrics.recordEvents(stored: receipt.stored, repeated: receipt.accepted - receipt.stored)
        if receipt.stored > 0 {
            services.feed.publish(
                .init(run: run, first: receipt.last - Int64(receipt.stored) + 1, count: receipt.stored))
        }
        return .data { out in
            out.raw("{\"accepted\":")
            out.int(Int64(receipt.accepted))
            out.raw(",\"first_sequence\":")
            out.int(receipt.first)
            out.raw(",\"last_sequence\":")
            out.int(receipt.last)
            out.raw("}")
        }
    }

    private func runStart(_ json: CheckedJSON, _ reporter: Reporter) async throws -> Reply {
        let request = try RunStartRequest(json)
        let agent = try await services.agents.agent(request.agentID, workspace: reporter.workspace.key)
        try reporter.check(agent: agent.key)
        // A repeat is answered before anything is asked that only a new run needs.
        if let external = request.externalRunID,
            let known = try await services.runs.known(external, agent: agent.key)
        {
            return Self.started(known)
        }
        guard agent.status != .archived else {
            throw AgentOSError(.validation, "The agent is archived and takes no more runs.")
        }
        var parent: Int64?
        if let id = request.parentRunID {
            parent = try await services.runs.ref(id, workspace: reporter.workspace.key).key
        }
        try admitNewData()
        let now = services.clock.now()
        let id = try await services.runs.start(
            .init(
                id: .new(at: now), workspaceKey: reporter.workspace.key, agentKey: agent.key,
                trigger: request.triggerType, hosted: false, externalRunID: request.externalRunID, parentKey: parent,
                input: request.input, startedAt: now))
        return Self.started(id)
    }

    private static func started(_ run: RunID) -> Reply {
        .data { out in
            out.raw("{\"run_id\":")
            out.id(run.bits)
            out.raw("}")
        }
    }

    private func end(_ request: RunEndRequest, _ reporter: Reporter) async throws -> Reply {
        let run = try await run(request.runID, reporter)
        let ending: RunEnding
        switch request.ending {
        case .complete(let output, let usage): ending = .completed(output: output, usage: usage)
        case .fail(let message, let detail): ending = .failed(message: message, detail: detail)
        case .cancel(let reason): ending = .cancelled(reason: reason)
        }
        if run.hosted {
            guard case .cancelled(let reason) = ending else {
                throw AgentOSError(.conflict, "This run is executed by the server; it can only be cancelled.")
            }
            try await services.runtime.cancel(run, reason: reason)
        } else {
            try await services.runs.end(run, ending)
        }
        try await services.humanInput.runEnded(run)
        return .data { out in
            out.raw("{\"run_id\":")
            out.id(run.id.bits)
            out.raw(",\"status\":")
            out.string(ending.status.rawValue)
            out.raw("}")
        }
    }

    private func task(_ json: CheckedJSON, _ reporter: Reporter) async throws -> Reply {
        let request = try TaskRequest(json)
        let run = try await run(request.runID, reporter)
        try admitNewData()
        let status = try await services.tasks.report(
            .init(
                id: request.taskID, name: request.name, status: request.status, input: request.input,
                output: request.output, errorMessage: request.errorMessage), run: run)
        return .data { out in
            out.raw("{\"task_id\":")
            out.id(request.taskID.bits)
            out.raw(",\"status\":")
            out.string(status.rawValue)
            out.raw("}")
        }
    }

    /// Long poll: holds the request until there is an answer, the question is closed, or the window is over.
    private func humanInput(_ json: CheckedJSON, _ reporter: Reporter) async throws -> Reply {
        let request = try HumanInputRequest(json)
        let run = try await run(request.runID, reporter)
        let store = services.humanInput
        let id: HumanRequestID
        if let known = request.requestID {
            id = known
        } else {
            try admitNewData()
            id = try await store.open(
                run: run, prompt: request.prompt, context: request.context, timeoutSeconds: request.timeoutSeconds)
        }
        let listener = store.bell.listen(id)
        defer { store.bell.stop(listener) }
        var state = try await store.state(id, run: run)
        if case .pending(let deadline) = state {
            let left = Double(deadline.microseconds - services.clock.now().microseconds) / 1e6
            // A little past the deadline, so that looking again finds it passed.
            await store.bell.wait(listener, seconds: min(configuration.pollSeconds, max(0, left) + 0.002))
            // What was there and is not any more was removed with its run.
            state = try await store.find(id, run: run) ?? .cancelled
            // The key may have been revoked while it waited.
            if case .answered = state { try await services.keys.confirm(reporter.principal) }
        }
        switch state {
        case .answered(let text):
            return .data { out in
                out.raw("{\"request_id\":")
                out.id(id.bits)
                out.raw(",\"input\":")
                out.string(text)
                out.raw("}")
            }
        case .pending:
            return .data(
                { out in
                    out.raw("{\"request_id\":")
                    out.id(id.bits)
                    out.raw(",\"status\":\"pending\"}")
                }, status: 202)
        case .expired: throw AgentOSError(.timeout, "Nobody answered in time.")
        case .cancelled:
            throw AgentOSError(.conflict, "The question was cancelled: its run has ended, or was deleted.")
        }
    }
}
