import AgentOSCore
import AgentOSRuntime
import AgentOSWire

/// The `data` of an invoke's answer (contract 4.2).
public enum InvokeView {
    /// - Returns: the JSON, and 202 for a run that waits for a person.
    /// - Throws: the run's failure.
    public static func result(_ report: RunOutcomeReport) throws -> (data: [UInt8], status: Int) {
        var out = JSONWriter(capacity: 256)
        out.raw("{\"run_id\":")
        out.id(report.run.bits)
        var status = 200
        switch report.result {
        case .failed(let error): throw error
        case .completed(let output, let duration):
            out.raw(",\"output\":")
            out.raw(output)
            out.raw(",\"duration_ms\":")
            out.int(Int64(duration))
        case .paused(let pause, let duration):
            status = 202
            switch pause {
            case .approval(let request):
                out.raw(",\"awaiting_approval\":{\"approval_id\":")
                out.id(request.id.bits)
                out.raw("}")
            case .input(let request):
                out.raw(",\"awaiting_input\":{")
                request.appendMembers(to: &out)
                out.raw("}")
            }
            out.raw(",\"output\":null,\"duration_ms\":")
            out.int(Int64(duration))
        }
        if let session = report.conversation {
            out.raw(",\"session_id\":")
            out.id(session.bits)
        }
        out.raw("}")
        return (out.bytes, status)
    }

    /// The answer to an invoke whose caller does not wait.
    public static func begun(_ run: RunID, session: ConversationID?) -> [UInt8] {
        var out = JSONWriter(capacity: 128)
        out.raw("{\"run_id\":")
        out.id(run.bits)
        out.raw(",\"status\":\"running\",\"output\":null")
        if let session {
            out.raw(",\"session_id\":")
            out.id(session.bits)
        }
        out.raw("}")
        return out.bytes
    }
}
