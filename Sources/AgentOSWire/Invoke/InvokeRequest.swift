import AgentOSCore

/// `POST /api/v1/agents/:id/invoke` and the parameters of `runs_invoke` (contract 4.1).
public struct InvokeRequest: Sendable {
    /// Which conversation a run belongs to.
    public enum Memory: Sendable, Hashable {
        case none
        /// Earlier turns that the caller keeps.
        case history([ModelMessage])
        case startSession
        case session(ConversationID)
    }

    /// A JSON object as text.
    public var input: [UInt8]
    public var promptVariables: [String: String]
    public var memory: Memory
    public var externalUserID: String?
    public var parentRunID: RunID?
    public var stream: Bool
    public var test: Bool
    /// The caller does not wait for the end.
    public var background = false

    public init(
        input: [UInt8] = Array("{}".utf8), promptVariables: [String: String] = [:], memory: Memory = .none,
        externalUserID: String? = nil, parentRunID: RunID? = nil, stream: Bool = false, test: Bool = false
    ) {
        self.input = input
        self.promptVariables = promptVariables
        self.memory = memory
        self.externalUserID = externalUserID
        self.parentRunID = parentRunID
        self.stream = stream
        self.test = test
    }

    public init(_ json: CheckedJSON) throws {
        let fields = FieldReader(
            json,
            names: [
                "input", "prompt_variables", "session_id", "start_session", "external_user_id", "history",
                "parent_run_id", "stream", "test", "background",
            ])
        input = try fields.optionalObject("input") ?? Array("{}".utf8)
        promptVariables = try Self.variables(fields.optionalTree("prompt_variables"))
        memory = try Self.memory(
            session: fields.optionalUUID("session_id").map(ConversationID.init),
            start: fields.optionalBool("start_session") ?? false, history: fields.optionalTree("history"))
        externalUserID = try fields.optionalString("external_user_id", 1...255)
        parentRunID = try fields.optionalUUID("parent_run_id").map(RunID.init)
        stream = try fields.optionalBool("stream") ?? false
        test = try fields.optionalBool("test") ?? false
        background = try fields.optionalBool("background") ?? false
        if stream, background { throw AgentOSError.invalid("background", "cannot be combined with stream") }
        try checkExternalUser()
    }

    /// The end user belongs to a conversation; without one there is nothing to record it on.
    public func checkExternalUser() throws {
        guard externalUserID != nil else { return }
        switch memory {
        case .startSession, .session: return
        case .none, .history:
            throw AgentOSError.invalid("external_user_id", "is allowed only with session_id or start_session")
        }
    }

    public static func variables(_ value: JSONValue?) throws -> [String: String] {
        guard let value else { return [:] }
        guard let object = value.objectValue else {
            throw AgentOSError.invalid("prompt_variables", "must be an object, not \(value.kindName)")
        }
        var out: [String: String] = [:]
        for (name, value) in object.members {
            guard let text = value.stringValue else {
                throw AgentOSError.invalid("prompt_variables.\(name)", "must be a string, not \(value.kindName)")
            }
            out[name] = text
        }
        return out
    }

    public static func memory(session: ConversationID?, start: Bool, history: JSONValue?) throws -> Memory {
        if session != nil, start {
            throw AgentOSError.invalid("session_id", "cannot be combined with start_session")
        }
        guard let history else {
            if let session { return .session(session) }
            return start ? .startSession : .none
        }
        if session != nil || start {
            throw AgentOSError.invalid("history", "cannot be combined with session_id or start_session")
        }
        guard let items = history.arrayValue else {
            throw AgentOSError.invalid("history", "must be an array, not \(history.kindName)")
        }
        return .history(try items.enumerated().map(turn))
    }

    private static func turn(_ index: Int, _ item: JSONValue) throws -> ModelMessage {
        guard let object = item.objectValue else {
            throw AgentOSError.invalid("history[\(index)]", "must be an object with role and content")
        }
        guard let content = object["content"]?.stringValue else {
            throw AgentOSError.invalid("history[\(index)].content", "must be a string")
        }
        switch object["role"]?.stringValue {
        case "user": return .user(content)
        case "assistant": return .assistant(text: content, toolCalls: [])
        default: throw AgentOSError.invalid("history[\(index)].role", "must be user or assistant")
        }
    }

    /// The user turn as the model reads it: the one string of the input, or the whole input as JSON.
    public static func prompt(of input: JSONObject) -> String {
        if input.count == 1, let text = input.members.first?.value.stringValue { return text }
        return JSONValue.object(input).prettyText
    }
}
