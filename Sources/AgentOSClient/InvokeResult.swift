import AgentOSCore

/// What has become of a run that was begun or answered.
public struct InvokeResult: Sendable {
    public enum State: Sendable {
        case completed(output: JSONValue)
        /// A call of a tool waits for a person's yes: `approvals_decide`.
        case awaitingApproval(ApprovalID)
        /// The agent asks a person something: `AgentOSClient.reply`.
        case awaitingInput(Question)
        /// It was begun in the background.
        case running
    }

    /// A question that a run waits with.
    public struct Question: Sendable {
        public let id: HumanRequestID
        public let text: String
        /// Answers to choose from; empty when any will do.
        public let options: [String]
        public let context: JSONObject?
    }

    public let run: RunID
    public let state: State
    public let durationMilliseconds: Int?
    /// The conversation, when the run belongs to one.
    public let session: ConversationID?
    /// The whole answer as it came.
    public let answer: JSONValue

    /// - Parameter answer: the `data` of an invoke, `human-input` or `reply`.
    /// - Throws: `ConnectionError` when it is none.
    public init(answer: JSONValue) throws {
        guard let run = answer["run_id"]?.stringValue.flatMap({ RunID($0) }) else { throw Self.unexpected }
        let state: State
        if let pause = answer["awaiting_approval"], !pause.isNull {
            state = try Self.approval(pause)
        } else if let pause = answer["awaiting_input"], !pause.isNull {
            state = try Self.question(pause)
        } else if answer["status"]?.stringValue == "running" {
            state = .running
        } else {
            state = .completed(output: answer["output"] ?? .null)
        }
        self.init(run: run, state: state, answer: answer)
    }

    /// - Parameter frame: the last frame of a stream. Nil for frames that end none.
    public init?(frame: JSONObject) {
        let answer = JSONValue.object(frame)
        guard let run = answer["run_id"]?.stringValue.flatMap({ RunID($0) }) else { return nil }
        let state: State?
        switch answer["type"]?.stringValue {
        case "done": state = .completed(output: answer["output"] ?? .null)
        case "awaiting_approval": state = try? Self.approval(answer)
        case "awaiting_input": state = try? Self.question(answer)
        default: state = nil
        }
        guard let state else { return nil }
        self.init(run: run, state: state, answer: answer)
    }

    private init(run: RunID, state: State, answer: JSONValue) {
        self.run = run
        self.state = state
        self.answer = answer
        durationMilliseconds = answer["duration_ms"]?.intValue
        session = answer["session_id"]?.stringValue.flatMap { ConversationID($0) }
    }

    private static var unexpected: ConnectionError {
        ConnectionError(.unexpectedAnswer, "The answer is not that of a run.")
    }

    private static func approval(_ pause: JSONValue) throws -> State {
        guard let id = pause["approval_id"]?.stringValue.flatMap({ ApprovalID($0) }) else { throw unexpected }
        return .awaitingApproval(id)
    }

    private static func question(_ pause: JSONValue) throws -> State {
        guard let id = pause["request_id"]?.stringValue.flatMap({ HumanRequestID($0) }) else { throw unexpected }
        return .awaitingInput(
            Question(
                id: id, text: pause["question"]?.stringValue ?? "",
                options: (pause["options"]?.arrayValue ?? []).compactMap(\.stringValue),
                context: pause["context"]?.objectValue))
    }
}
