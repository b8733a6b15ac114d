import AgentOSClient

extension AgentOSClient {
    /// Waits until a run is over or waits for something else than the approval that was just decided.
    /// - Throws: what made the run fail.
    func settled(_ run: RunID, besides decided: ApprovalID? = nil) async throws -> InvokeResult {
        while true {
            // Other calls of the same turn may wait too; then the run does not go on yet.
            if let decided, let other = try await pendingApproval(of: run), other != decided {
                return try InvokeResult(
                    answer: ["run_id": .string("\(run)"), "awaiting_approval": ["approval_id": .string("\(other)")]])
            }
            guard let result = try await lastFrame(of: run) else {
                throw CommandFailure("The stream of run \(run) ended without saying how the run stands.")
            }
            guard let decided, case .awaitingApproval(decided) = result.state else { return result }
            // Decided, but not yet taken up.
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func lastFrame(of run: RunID) async throws -> InvokeResult? {
        for try await frame in stream(run: run) {
            if let result = InvokeResult(frame: frame) { return result }
        }
        return nil
    }

    private func pendingApproval(of run: RunID) async throws -> ApprovalID? {
        let found = try await rpc("runs_get", ["run_id": .string("\(run)")]).data
        return found["awaiting_approval"]?["approval_id"]?.stringValue.flatMap { ApprovalID($0) }
    }
}
