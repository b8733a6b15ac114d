import AgentOSCore

/// Journal entries as JSON, as they lie in `run_steps.payload`. Members that later versions added may be absent.
enum JournalCodec {
    static func encode(_ entry: JournalEntry) -> [UInt8] { value(entry).encoded }

    private static func value(_ entry: JournalEntry) -> JSONValue {
        switch entry {
        case .started(let plan): PlanCodec.value(plan)
        case .modelCalled(let call): value(call)
        case .modelReplied(let recorded): value(recorded)
        case .toolsCalled(let ids): ["call_ids": .array(ids.map(JSONValue.string))]
        case .toolReturned(let result, let cost):
            cost.map { .object(JSONObject(MessageCodec.members(result) + [("cost", .int(Int($0.nanoUSD)))])) }
                ?? MessageCodec.value(result)
        case .approvalsRequested(let requests): ["requests": .array(requests.map(value))]
        case .approvalDecided(let decision):
            [
                "approval_id": .string("\(decision.id)"), "verdict": .string(decision.verdict.rawValue),
                "note": .optional(decision.note), "arguments": decision.arguments.map(JSONValue.object) ?? .null,
                "decided_by": .optional(decision.decidedBy),
            ]
        case .inputRequested(let request): value(request)
        case .inputReceived(let id, let text): ["request_id": .string("\(id)"), "text": .string(text)]
        case .inputExpired(let id): ["request_id": .string("\(id)")]
        case .ended(let outcome, let unfinished): value(outcome, unfinished)
        }
    }

    private static func value(_ call: ModelCall) -> JSONValue {
        var out: JSONObject = [
            "iteration": .int(call.iteration), "model": .string(call.model),
            "provider": .string(call.provider.rawValue),
            "reserved": call.reservation.map { .array([.int(Int($0.amount.nanoUSD)), .int(Int($0.day))]) } ?? .null,
        ]
        if let lost = call.lost {
            out["lost_usage"] = counts(lost.usage)
            if let cost = lost.cost { out["lost_cost"] = .int(Int(cost.nanoUSD)) }
        }
        return .object(out)
    }

    private static func counts(_ usage: TokenUsage) -> JSONValue {
        .array([usage.input, usage.output, usage.cacheRead, usage.cacheCreation].map { .int($0) })
    }

    private static func usage(_ value: JSONValue?) -> TokenUsage? {
        guard let counts = value?.arrayValue?.compactMap(\.intValue), counts.count == 4 else { return nil }
        return TokenUsage(input: counts[0], output: counts[1], cacheRead: counts[2], cacheCreation: counts[3])
    }

    private static func value(_ outcome: RunOutcome, _ unfinished: UnfinishedText?) -> JSONValue {
        var out: JSONObject =
            switch outcome {
            case .completed(let output): ["status": "completed", "output": output]
            case .failed(let code, let message, let detail):
                [
                    "status": "failed", "code": .string(code.rawValue), "message": .string(message),
                    "detail": detail ?? .null,
                ]
            case .cancelled(let reason): ["status": "cancelled", "reason": .optional(reason)]
            }
        if let unfinished {
            out["unfinished"] = [
                "text": .string(unfinished.text), "pieces": .array(unfinished.pieces.map { .int($0) }),
            ]
        }
        return .object(out)
    }

    private static func value(_ recorded: RecordedReply) -> JSONValue {
        let reply = recorded.reply
        var out: JSONObject = [
            "text": .string(reply.text), "tool_calls": .array(reply.toolCalls.map(MessageCodec.value)),
            "usage": counts(reply.usage), "stop_reason": .optional(reply.stopReason),
        ]
        if !recorded.pieces.isEmpty { out["pieces"] = .array(recorded.pieces.map { .int($0) }) }
        if !recorded.gated.isEmpty { out["gated"] = .array(recorded.gated.map(JSONValue.string)) }
        if !recorded.questions.isEmpty { out["questions"] = .array(recorded.questions.map(JSONValue.string)) }
        if let cost = recorded.cost { out["cost"] = .int(Int(cost.nanoUSD)) }
        return .object(out)
    }

    private static func value(_ request: ApprovalRequest) -> JSONValue {
        [
            "approval_id": .string("\(request.id)"), "call_id": .string(request.callID), "tool": .string(request.tool),
            "input": request.input, "expires_at": .int(Int(request.expiresAt.microseconds)),
        ]
    }

    private static func value(_ request: InputRequest) -> JSONValue {
        [
            "request_id": .string("\(request.id)"), "call_id": .string(request.callID),
            "question": .string(request.question), "options": .array(request.options.map(JSONValue.string)),
            "context": request.context.map(JSONValue.object) ?? .null, "about_outcome": .bool(request.isAboutOutcome),
            "expires_at": .int(Int(request.expiresAt.microseconds)),
        ]
    }

    /// - Throws: `StoreError.damaged`
    static func decode(kind: String, _ payload: [UInt8]) throws -> JournalEntry {
        guard let value = try? JSONParser.parse(payload, depth: JSONParser.documentDepth),
            let entry = entry(kind, value)
        else { throw StoreError.damaged("a journal entry (\(kind))") }
        return entry
    }

    private static func entry(_ kind: String, _ value: JSONValue) -> JournalEntry? {
        switch kind {
        case "started": return PlanCodec.plan(value).map(JournalEntry.started)
        case "model_called": return modelCall(value).map(JournalEntry.modelCalled)
        case "model_replied": return recordedReply(value).map(JournalEntry.modelReplied)
        case "tools_called": return value["call_ids"].map { .toolsCalled(callIDs: strings($0)) }
        case "tool_returned":
            return MessageCodec.result(value).map { .toolReturned($0, cost: money(value["cost"])) }
        case "approvals_requested":
            return value["requests"]?.arrayValue.map { .approvalsRequested($0.compactMap(approvalRequest)) }
        case "approval_decided":
            guard let id = value["approval_id"]?.stringValue.flatMap({ ApprovalID($0) }),
                let verdict = value["verdict"]?.stringValue.flatMap(ApprovalVerdict.init)
            else { return nil }
            return .approvalDecided(
                ApprovalDecision(
                    id: id, verdict: verdict, note: value["note"]?.stringValue,
                    arguments: value["arguments"]?.objectValue, decidedBy: value["decided_by"]?.stringValue))
        case "input_requested": return inputRequest(value).map(JournalEntry.inputRequested)
        case "input_received":
            guard let id = requestID(value), let text = value["text"]?.stringValue else { return nil }
            return .inputReceived(id, text)
        case "input_expired": return requestID(value).map(JournalEntry.inputExpired)
        case "ended":
            return outcome(value).map { JournalEntry.ended($0, unfinished: unfinishedText(value["unfinished"])) }
        default: return nil
        }
    }

    private static func strings(_ value: JSONValue?) -> [String] { value?.arrayValue?.compactMap(\.stringValue) ?? [] }

    private static func money(_ value: JSONValue?) -> Money? { value?.intValue.map { Money(nanoUSD: Int64($0)) } }

    private static func requestID(_ value: JSONValue) -> HumanRequestID? {
        value["request_id"]?.stringValue.flatMap { HumanRequestID($0) }
    }

    private static func time(_ value: JSONValue?) -> Timestamp? {
        value?.intValue.map { Timestamp(microseconds: Int64($0)) }
    }

    private static func modelCall(_ value: JSONValue) -> ModelCall? {
        guard let iteration = value["iteration"]?.intValue else { return nil }
        let reserved = value["reserved"]?.arrayValue?.compactMap(\.intValue) ?? []
        var call = ModelCall(
            iteration: iteration, model: value["model"]?.stringValue ?? "",
            provider: value["provider"]?.stringValue.flatMap(ProviderType.init) ?? .demo,
            reservation: reserved.count == 2
                ? Reservation(amount: Money(nanoUSD: Int64(reserved[0])), day: Int64(reserved[1])) : nil)
        call.lost = usage(value["lost_usage"]).map { LostReply(usage: $0, cost: money(value["lost_cost"])) }
        return call
    }

    private static func recordedReply(_ value: JSONValue) -> RecordedReply? {
        guard let text = value["text"]?.stringValue, let calls = value["tool_calls"]?.arrayValue,
            let usage = usage(value["usage"])
        else { return nil }
        return RecordedReply(
            ModelReply(
                text: text, toolCalls: calls.compactMap(MessageCodec.call), usage: usage,
                stopReason: value["stop_reason"]?.stringValue),
            pieces: value["pieces"]?.arrayValue?.compactMap(\.intValue) ?? [], gated: strings(value["gated"]),
            questions: strings(value["questions"]), cost: money(value["cost"]))
    }

    private static func approvalRequest(_ value: JSONValue) -> ApprovalRequest? {
        guard let id = value["approval_id"]?.stringValue.flatMap({ ApprovalID($0) }),
            let call = value["call_id"]?.stringValue, let tool = value["tool"]?.stringValue, let input = value["input"],
            let expires = time(value["expires_at"])
        else { return nil }
        return ApprovalRequest(id: id, callID: call, tool: tool, input: input, expiresAt: expires)
    }

    private static func inputRequest(_ value: JSONValue) -> InputRequest? {
        guard let id = requestID(value), let call = value["call_id"]?.stringValue,
            let question = value["question"]?.stringValue, let expires = time(value["expires_at"])
        else { return nil }
        return InputRequest(
            id: id, callID: call, question: question, options: strings(value["options"]),
            context: value["context"]?.objectValue, isAboutOutcome: value["about_outcome"]?.boolValue ?? false,
            expiresAt: expires)
    }

    private static func unfinishedText(_ value: JSONValue?) -> UnfinishedText? {
        guard let value, let text = value["text"]?.stringValue else { return nil }
        return UnfinishedText(text: text, pieces: value["pieces"]?.arrayValue?.compactMap(\.intValue) ?? [])
    }

    private static func outcome(_ value: JSONValue) -> RunOutcome? {
        switch value["status"]?.stringValue {
        case "completed": value["output"].map(RunOutcome.completed)
        case "failed":
            .failed(
                code: ErrorCode(wire: value["code"]?.stringValue ?? ""), message: value["message"]?.stringValue ?? "",
                detail: value["detail"].flatMap { $0.isNull ? nil : $0 })
        case "cancelled": .cancelled(reason: value["reason"]?.stringValue)
        default: nil
        }
    }
}
