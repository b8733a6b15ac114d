import AgentOSControl
import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire
import Hummingbird
import NIOCore

extension Edge {
    /// `POST /api/v1/agents/:id/invoke`
    func invoke(
        _ id: AgentID, _ request: Request, _ principal: Principal, _ channel: any Channel
    ) async throws -> Reply {
        guard let workspace = principal.workspace else {
            throw AgentOSError(.forbidden, "A personal key cannot invoke here; use runs_invoke.")
        }
        let key = try Self.idempotencyKey(request)
        let (call, invocation) = try await bodies.withObject(of: request, limit: configuration.maximumBody) { json in
            (try InvokeRequest(json), key.map { HostedRunStore.Invocation(key: $0, body: json.text) })
        }
        let agent = try await services.agents.agent(id, workspace: workspace.key)
        if case .agent(_, let own) = principal.scope, own != agent.key {
            throw AgentOSError(.forbidden, "This key belongs to another agent.")
        }
        let runtime = services.runtime
        let started = try await runtime.invoke(agent, call, invocation: invocation)
        if call.background {
            // Sent again when the run is over, or waits for somebody, it is answered with that.
            if let report = try await runtime.report(of: started) { return try Self.outcome(report) }
            return Reply(
                Envelope.data(encoded: InvokeView.begun(started.ref.id, session: started.conversation)), status: 202)
        }
        guard call.stream else { return try Self.outcome(try await runtime.outcome(of: started)) }
        return frames(on: channel) { runtime.stream(started) }
    }

    private static func outcome(_ report: RunOutcomeReport) throws -> Reply {
        let (data, status) = try InvokeView.result(report)
        return Reply(Envelope.data(encoded: data), status: status)
    }

    private static func idempotencyKey(_ request: Request) throws -> String? {
        guard let key = request.headers[Header.idempotencyKey] else { return nil }
        return try HostedRunStore.Invocation.checked(key, field: "Idempotency-Key")
    }

    /// `GET /api/v1/runs/:id/stream`
    func runStream(
        _ id: RunID, _ request: Request, _ principal: Principal, _ channel: any Channel
    ) async throws -> Reply {
        let scope = try await scope(of: principal, Query(request), atLeast: .viewer)
        let run = try await services.runs.ref(id, workspace: scope.workspace.key)
        if let own = scope.agentKey, own != run.agentKey {
            throw AgentOSError(.forbidden, "This key belongs to another agent.")
        }
        guard run.hosted else {
            throw AgentOSError(.validation, "The run is reported from elsewhere and has no stream; see /api/v1/tail.")
        }
        let after = try Self.lastFrame(request)
        let runtime = services.runtime
        guard try await runtime.hasBegun(after, of: run) else { throw Self.noFrame }
        let right = right(of: principal, in: scope.workspace, atLeast: .viewer)
        return frames(on: channel, right) { runtime.stream(run, after: after) }
    }

    /// The frame that a returning reader has seen last.
    private static func lastFrame(_ request: Request) throws -> FrameID {
        guard let text = request.headers[Header.lastEventID], !text.isEmpty else { return .beginning }
        guard let last = FrameID(text) else { throw noFrame }
        return last
    }

    private static let noFrame = AgentOSError.invalid("Last-Event-ID", "is not the id of a frame of this stream")

    /// Writes a run's frames as they come, until the run is over or pauses: what is past out of the store, what comes
    /// while the run is here through a pump.
    /// - Parameter right: what reading goes on by; nil: the stream belongs to who began the run.
    private func frames(
        on channel: any Channel, _ right: StreamRight? = nil, of stream: @escaping @Sendable () -> sending RunStream
    ) -> Reply {
        let (ping, losses) = (configuration.pingSeconds, services.keys.losses)
        let pump = FramePump(channel, rounds.of(channel.eventLoop), ping: ping)
        return .events { writer in
            let stream = stream()
            let listener = right.map { right in
                losses.listen {
                    right.doubt()
                    // One look at the store; nobody needs to end it.
                    Task { do { try await right.check() } catch { pump.stop(error) } }
                }
            }
            defer { if let listener { losses.stop(listener) } }
            do {
                while true {
                    try await right?.check()
                    if let live = stream.live { try await pump.run(live) }
                    let step: RunStream.Step
                    do {
                        step = try await stream.next(seconds: ping)
                    } catch let error where !(error is AgentOSError) {
                        throw AgentOSError(.internal, "The run's stream cannot be read.")
                    }
                    switch step {
                    case .quiet:
                        try await right?.check(always: true)
                        try await writer.write(FramePump.ping)
                    case .end: return
                    case .frames(let frames):
                        try await right?.check()
                        try await writer.write(FramePump.encode(frames))
                    }
                }
            } catch let error as AgentOSError {
                // A stream never just stops: the run is gone, the store cannot be read, or the key may not any more.
                try await writer.write(FramePump.encode(.error(error.frame)))
            }
        }
    }

    /// `POST /api/v1/runs/:id/human-input` and `/reply`
    func humanAnswer(
        _ id: RunID, _ request: Request, _ principal: Principal, namesRequest: Bool
    ) async throws -> Reply {
        guard case .workspace(let workspace) = principal.scope else {
            throw AgentOSError(.forbidden, "Only a workspace key can answer questions.")
        }
        let began = services.clock.now()
        let answer = try await bodies.withObject(of: request, limit: configuration.maximumBody) {
            try AnswerRequest($0, namesRequest: namesRequest)
        }
        let run = try await services.runs.ref(id, workspace: workspace.key)
        if run.hosted {
            return try Self.outcome(try await services.runtime.reply(answer.requestID, run: run, text: answer.response))
        }
        _ = try await services.humanInput.answer(answer.requestID, run: run, text: answer.response)
        return .data { out in
            out.raw("{\"run_id\":")
            out.id(run.id.bits)
            out.raw(",\"output\":null,\"duration_ms\":")
            out.int(Int64(services.clock.now().millisecondsSince(began)))
            out.raw("}")
        }
    }
}
