import AgentOSCore

extension AgentOSClient {
    /// Begins the record of a run of your own code.
    ///
    /// Safe to repeat: the call carries an `external_run_id` (a fresh one when none is given), by which the server
    /// recognises the run.
    /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
    public func startRun(
        agent: AgentID, trigger: TriggerType = .sdk, input: JSONObject = [:], externalRunID: String? = nil,
        parentRunID: RunID? = nil, options: RunReporter.Options = RunReporter.Options()
    ) async throws -> RunReporter {
        let external = externalRunID ?? UUIDBits.v7(at: WallClock.system().now()).text
        var body: JSONObject = [
            "agent_id": .string(agent.description), "trigger_type": .string(trigger.rawValue),
            "input": .object(input), "external_run_id": .string(external),
        ]
        if let parentRunID { body["parent_run_id"] = .string(parentRunID.description) }
        let data = try await ingest("run/start", JSONValue.object(body).encoded)
        guard let run = data["run_id"]?.stringValue.flatMap({ RunID($0) }) else {
            throw ConnectionError(.unexpectedAnswer, "The answer to run/start names no run.")
        }
        return RunReporter(client: self, runID: run, options: options)
    }

    /// One call that may be repeated without harm.
    @discardableResult
    func ingest(_ call: String, _ body: [UInt8]) async throws -> JSONValue {
        try await Retry.run {
            try await transport.call("/api/ingest/v1/\(call)", body: body, timeout: Timeouts.ordinary).data
        }
    }
}
