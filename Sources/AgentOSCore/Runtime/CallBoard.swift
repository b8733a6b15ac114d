/// The tool calls of one model reply and how far each of them is.
struct CallBoard: Sendable {
    private enum Gate: Sendable {
        case free, gated, question
    }

    private struct Slot: Sendable {
        let call: ToolCall
        let number: UInt64
        let gate: Gate
        var edited: JSONObject?
        var approval: ApprovalRequest?
        var isApproved = false
        var question: InputRequest?
        var wasCalled = false
        var result: ToolResult?

        var awaitsDecision: Bool { approval != nil && !isApproved && result == nil }

        /// Nothing but the call itself is missing, apart from decisions about other calls.
        var isReady: Bool {
            guard result == nil, question == nil else { return false }
            switch gate {
            case .free: return true
            case .gated: return isApproved
            case .question: return false
            }
        }

        var pending: RunMachine.PendingCall {
            let arguments = edited.map(JSONValue.object) ?? call.arguments
            return .init(
                call: ToolCall(id: call.id, name: call.name, arguments: arguments), number: number,
                wasCalled: wasCalled, wasEdited: edited != nil)
        }
    }

    private var slots: [Slot] = []

    init() {}

    /// - Parameter replyPosition: the reply's place in the journal; with a call's place in the reply it numbers the call.
    init(_ recorded: RecordedReply, replyPosition: Int) {
        slots = recorded.reply.toolCalls.enumerated().map { index, call in
            let gate: Gate =
                recorded.questions.contains(call.id) ? .question : recorded.gated.contains(call.id) ? .gated : .free
            return Slot(call: call, number: UInt64(replyPosition) << 16 | UInt64(index & 0xffff), gate: gate)
        }
    }

    var isEmpty: Bool { slots.isEmpty }

    /// All results in the reply's order, once there are all.
    var results: [ToolResult]? {
        guard !slots.isEmpty else { return nil }
        let results = slots.compactMap(\.result)
        return results.count == slots.count ? results : nil
    }

    /// What can be done comes before what must be waited for; approvals come before questions. Approved calls are made
    /// when all are decided: a rejection of one leaves the others unmade.
    var next: RunMachine.Action {
        let undecided = slots.contains(where: \.awaitsDecision)
        let ready = slots.filter { $0.isReady && !(undecided && $0.gate == .gated) }
        if !ready.isEmpty { return .runTools(ready.map(\.pending)) }
        let open = slots.filter { $0.result == nil }
        let unasked = open.filter { $0.gate == .gated && $0.approval == nil }
        if !unasked.isEmpty { return .requestApprovals(unasked.map(\.call)) }
        if let request = open.first(where: \.awaitsDecision)?.approval { return .wait(.approval(request)) }
        if let request = open.lazy.compactMap(\.question).first { return .wait(.input(request)) }
        if let slot = open.first { return .ask(slot.call) }
        return .nothing
    }

    var begun: Set<String> {
        Set(slots.filter { $0.wasCalled && $0.result == nil && $0.question == nil }.map(\.call.id))
    }

    private func index(_ callID: String) -> Int? { slots.firstIndex { $0.call.id == callID && $0.result == nil } }

    mutating func markCalled(_ ids: [String]) -> Bool {
        for id in ids {
            guard let index = index(id) else { return false }
            slots[index].wasCalled = true
        }
        return true
    }

    mutating func settle(_ result: ToolResult) -> Bool {
        guard let index = index(result.callID) else { return false }
        slots[index].result = result
        return true
    }

    mutating func request(_ requests: [ApprovalRequest]) -> Bool {
        for request in requests {
            guard let index = index(request.callID), slots[index].approval == nil else { return false }
            slots[index].approval = request
        }
        return true
    }

    mutating func decide(_ decision: ApprovalDecision, rejection: RunPlan.Rejection) -> ApprovalRequest? {
        guard
            let index = slots.firstIndex(where: { $0.approval?.id == decision.id && !$0.isApproved && $0.result == nil }
            ),
            let request = slots[index].approval
        else { return nil }
        if decision.verdict == .approved {
            slots[index].isApproved = true
            slots[index].edited = decision.arguments
        } else if rejection == .toldToModel {
            let reason = decision.note.map { ": " + $0 } ?? "."
            slots[index].result = ToolResult(
                callID: request.callID, name: request.tool,
                content: decision.verdict == .expired
                    ? "The call was not made: nobody approved it in time."
                    : "The call was not made: a person rejected it\(reason)",
                isError: true)
        }
        return request
    }

    mutating func ask(_ request: InputRequest) -> Bool {
        guard let index = index(request.callID), slots[index].question == nil else { return false }
        slots[index].question = request
        return true
    }

    func isAsking(_ id: HumanRequestID) -> Bool { slots.contains { $0.question?.id == id && $0.result == nil } }

    mutating func answer(_ id: HumanRequestID, _ text: String) -> Bool {
        guard let index = slots.firstIndex(where: { $0.question?.id == id && $0.result == nil }),
            let request = slots[index].question
        else { return false }
        let call = slots[index].call
        guard request.isAboutOutcome else {
            slots[index].result = ToolResult(callID: call.id, name: call.name, content: text, isError: false)
            return true
        }
        if text.lowercased() == InputRequest.retryOption {
            slots[index].question = nil
            slots[index].wasCalled = false
        } else {
            slots[index].result = ToolResult(
                callID: call.id, name: call.name,
                content:
                    "The server was stopped during this call; its outcome is unknown. A person was asked and says: \(text)",
                isError: true)
        }
        return true
    }
}

extension InputRequest {
    /// The answer that has a call of unknown outcome made again, and the one that leaves it at that.
    public static let retryOption = "retry"
    public static let skipOption = "do not retry"
}
