import AgentOSControl
import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire
import Hummingbird
import NIOCore

extension Edge {
    /// `POST /api/v1/agents/:id/invoke`
    func invoke(_ id: AgentID, _ request: Request, _ principal: Principal) async throws -> Reply {
        guard let workspace = principal.workspace else {
            throw AgentOSError(.forbidden, "A personal key cannot invoke here; use runs_invoke.")
        }
        let call = try await bodies.withObject(of: request, limit: configuration.maximumBody) { try InvokeRequest($0) }
        let agent = try await services.agents.agent(id, workspace: workspace.key)
        if case .agent(_, let own) = principal.scope, own != agent.key {
            throw AgentOSError(.forbidden, "This key belongs to another agent.")
        }
        try admitNewData()
        let started = try await services.runtime.invoke(agent, call)
        guard let frames = started.frames else {
            let result = await started.run.result()
            return Reply(Envelope.data(encoded: try InvokeView.result(result, of: started.run)))
        }
        let ping = configuration.pingSeconds
        return .events { writer in
            while true {
                guard let frame = await frames.next(seconds: ping) else {
                    try await writer.write(ByteBuffer(string: ": ping\n\n"))
                    continue
                }
                try await writer.write(ByteBuffer(bytes: frame.encoded))
                if frame.isTerminal { return }
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
