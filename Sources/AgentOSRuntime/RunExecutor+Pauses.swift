import AgentOSCore
import AgentOSStore
import AgentOSWire

extension RunExecutor {
    func requestApprovals(_ calls: [ToolCall], _ state: inout Progress) throws {
        let now = clock.now()
        let expires = now.advanced(bySeconds: Double(services.settings.approvalSeconds))
        let requests = calls.map { call in
            ApprovalRequest(
                id: .new(at: now), callID: call.id, tool: call.name, input: call.arguments, expiresAt: expires)
        }
        try state.take(.approvalsRequested(requests))
        for request in requests {
            state.recorder.point(
                "approval.requested", at: now,
                [
                    "approval_id": .string("\(request.id)"), "tool": .string(request.tool), "input": request.input,
                    "expires_at": .time(request.expiresAt),
                ])
        }
    }

    /// Asks a person. A question that is none goes back to the model as a failed call.
    func ask(_ call: ToolCall, _ state: inout Progress) throws {
        let now = clock.now()
        let arguments = call.arguments.objectValue ?? JSONObject()
        let request = InputRequest(
            id: .new(at: now), callID: call.id, question: arguments["question"]?.stringValue ?? "",
            options: arguments["options"]?.arrayValue?.compactMap(\.stringValue) ?? [],
            context: arguments["context"]?.objectValue,
            expiresAt: now.advanced(bySeconds: Double(services.settings.questionSeconds)))
        try state.take(.inputRequested(request))
        recordQuestion(request, at: now, &state)
    }

    /// Puts the pause on record and lets go of the run.
    func pause(_ pause: RunMachine.Pause, _ state: inout Progress) async throws {
        var id: FrameID?
        for (offset, entry) in state.pending.enumerated() {
            if let number = entry.number(of: pause) { id = FrameID(entry: state.committed + offset, number: number) }
        }
        if id == nil {
            // It was asked for earlier.
            let journal = try await store.journal(of: live.ref)
            for (position, entry) in journal.enumerated() {
                if let number = entry.number(of: pause) { id = FrameID(entry: position, number: number) }
            }
        }
        try await commit(&state, pause: pause)
        finish(.paused(pause, durationMilliseconds: pause.milliseconds(after: live.startedAt)), id: id)
    }
}
