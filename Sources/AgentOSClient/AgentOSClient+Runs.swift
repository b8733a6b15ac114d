import AgentOSCore

extension AgentOSClient {
    /// How a run is begun.
    public struct InvokeOptions: Sendable {
        /// Do not wait: the result is `.running`, and `stream(run:)` follows the run.
        public var background = false
        /// A repeat of the call with the same key and body makes no second run.
        public var idempotencyKey: String?

        public init(background: Bool = false, idempotencyKey: String? = nil) {
            self.background = background
            self.idempotencyKey = idempotencyKey
        }
    }

    /// Runs a hosted agent: `invoke` with a typed result. `body` has the members of the invoke call.
    public func start(
        agent: AgentID, body: JSONObject, options: InvokeOptions = InvokeOptions()
    ) async throws -> InvokeResult {
        var body = body
        if options.background { body["background"] = true }
        return try InvokeResult(
            answer: try await invoke(agent: agent, body: body, idempotencyKey: options.idempotencyKey))
    }

    /// Answers a question of a run and waits until the run is over or pauses again. Needs a workspace key.
    /// - Parameter request: which question; nil answers the one that is open.
    public func reply(run: RunID, text: String, request: HumanRequestID? = nil) async throws -> InvokeResult {
        var body: JSONObject = ["response": .string(text)]
        if let request { body["request_id"] = .string(request.description) }
        let call = request == nil ? "human-input" : "reply"
        return try InvokeResult(
            answer: try await transport.call(
                "/api/v1/runs/\(run)/\(call)", body: .object(body), timeout: Timeouts.longRunning
            ).data)
    }

    /// Follows a hosted run from any place on: what is past comes out of the record, then what happens. A connection
    /// that breaks is made again, and reading goes on behind the last frame that came.
    ///
    /// Frames are those of `invokeStream`; `frames` of the stream gives them with their ids.
    /// - Parameters:
    ///   - after: the id of the last frame that was seen; nil begins with the first.
    ///   - throughPauses: go on behind `awaiting_approval` and `awaiting_input` until the run is over, rather than end
    ///     there.
    public func stream(run: RunID, after: String? = nil, throughPauses: Bool = false) -> FrameStream {
        FrameStream(
            transport: transport, source: .run(run, after: after, throughPauses: throughPauses), workspace: workspace)
    }
}
