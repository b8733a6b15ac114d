import AgentOSCore

/// One frame of a streamed invoke (contract 4.4).
public enum InvokeFrame: Sendable, Hashable {
    public enum ToolStatus: String, Sendable {
        case calling, returned, failed
    }

    // Rare and large ones are boxed: a run keeps a frame for each piece of text.
    case start(RunID)
    case chunk(String)
    case tool(ToolStatus, name: String)
    /// The text that was passed on since the last model call began does not count: the call is made again.
    case reset
    indirect case awaitingApproval(RunID, ApprovalID, durationMilliseconds: Int, session: ConversationID?)
    indirect case awaitingInput(RunID, InputRequest, durationMilliseconds: Int, session: ConversationID?)
    indirect case done(RunID, output: [UInt8], durationMilliseconds: Int, session: ConversationID?)
    indirect case error(AgentOSError.Frame)

    /// Whether this frame ends the stream.
    public var isTerminal: Bool {
        switch self {
        case .done, .error, .awaitingApproval, .awaitingInput: true
        case .start, .chunk, .tool, .reset: false
        }
    }

    /// Appends `id: …`, `data: {…}` and a blank line. ASCII only: the official client breaks lines at U+0085, U+2028 and
    /// U+2029.
    public func append(id: FrameID?, to out: inout JSONWriter) {
        if let id {
            out.raw("id: ")
            out.raw(id.text.utf8)
            out.raw("\n")
        }
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
            Self.tail(duration, session, &out)
        case .reset:
            out.raw("\"reset\"")
        case .awaitingApproval(let run, let approval, let duration, let session):
            out.raw("\"awaiting_approval\",\"run_id\":")
            out.id(run.bits)
            out.raw(",\"approval_id\":")
            out.id(approval.bits)
            Self.tail(duration, session, &out)
        case .awaitingInput(let run, let request, let duration, let session):
            out.raw("\"awaiting_input\",\"run_id\":")
            out.id(run.bits)
            out.raw(",")
            request.appendMembers(to: &out)
            Self.tail(duration, session, &out)
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
    }

    /// One frame by itself.
    public func encoded(id: FrameID? = nil) -> [UInt8] {
        var out = JSONWriter(asciiOnly: true)
        append(id: id, to: &out)
        return out.bytes
    }

    private static func tail(_ duration: Int, _ session: ConversationID?, _ out: inout JSONWriter) {
        out.raw(",\"duration_ms\":")
        out.int(Int64(duration))
        if let session {
            out.raw(",\"session_id\":")
            out.id(session.bits)
        }
    }
}

extension InputRequest {
    /// `request_id`, `question` and, when there are any, `options` and `context`.
    public func appendMembers(to out: inout JSONWriter) {
        out.raw("\"request_id\":")
        out.id(id.bits)
        out.raw(",\"question\":")
        out.string(question)
        if !options.isEmpty {
            out.raw(",\"options\":")
            out.value(.array(options.map(JSONValue.string)))
        }
        if let context {
            out.raw(",\"context\":")
            out.value(.object(context))
        }
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
