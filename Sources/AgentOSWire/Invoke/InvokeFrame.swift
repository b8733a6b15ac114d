import AgentOSCore

/// One frame of a streamed invoke (contract 4.4).
public enum InvokeFrame: Sendable, Hashable {
    public enum ToolStatus: String, Sendable {
        case calling, returned, failed
    }

    case start(RunID)
    case chunk(String)
    case tool(ToolStatus, name: String)
    case done(RunID, output: [UInt8], durationMilliseconds: Int, session: ConversationID?)
    case error(AgentOSError.Frame)

    /// Whether this frame ends the stream.
    public var isTerminal: Bool {
        switch self {
        case .done, .error: true
        case .start, .chunk, .tool: false
        }
    }

    /// `data: {…}` and a blank line. ASCII only: the official client breaks lines at U+0085, U+2028 and U+2029.
    public var encoded: [UInt8] {
        var out = JSONWriter(asciiOnly: true)
        out.raw("data: {\"type\":")
        switch self {
        case .start(let run):
            out.raw("\"start\",\"run_id\":")
            out.id(run.bits)
        case .chunk(let text):
            out.raw("\"chunk\",\"text\":")
            out.string(text)
        case .tool(let status, let name):
            out.raw("\"tool\",\"status\":")
            out.string(status.rawValue)
            out.raw(",\"name\":")
            out.string(name)
        case .done(let run, let output, let duration, let session):
            out.raw("\"done\",\"run_id\":")
            out.id(run.bits)
            out.raw(",\"output\":")
            out.value((try? JSONParser.parse(output)) ?? .null)
            out.raw(",\"duration_ms\":")
            out.int(Int64(duration))
            if let session {
                out.raw(",\"session_id\":")
                out.id(session.bits)
            }
        case .error(let error):
            out.raw("\"error\",\"code\":")
            out.string(error.code.wire)
            out.raw(",\"message\":")
            out.string(error.message)
            if let run = error.runID {
                out.raw(",\"run_id\":")
                out.id(run.bits)
            }
        }
        out.raw("}\n\n")
        return out.bytes
    }
}

extension AgentOSError {
    /// What an `error` frame says.
    public struct Frame: Sendable, Hashable {
        public let code: ErrorCode
        public let message: String
        public let runID: RunID?
    }

    public var frame: Frame { Frame(code: code, message: message, runID: runID) }
}
