import AgentOSCore
import AgentOSStore

/// Runs as answers show them (contract 5.2). Stored JSON is spliced in as it was sent.
enum RunView {
    static func summary(_ run: RunSummary) -> JSONObject {
        [
            "id": .string("\(run.id)"), "agent_id": .string("\(run.agentID)"), "agent_name": .string(run.agentName),
            "status": .string(run.status.rawValue), "trigger_type": .string(run.triggerType.rawValue),
            "external_run_id": .optional(run.externalRunID), "parent_run_id": .optional(run.parentRunID?.description),
            "session_id": .optional(run.conversationID?.description), "is_test": .bool(run.isTest),
            "started_at": .time(run.startedAt), "completed_at": .time(run.completedAt),
            "duration_ms": .optionalInt(run.durationMilliseconds), "error_message": .optional(run.errorMessage),
            "input_tokens": .optionalInt(run.tokens.input), "output_tokens": .optionalInt(run.tokens.output),
            "cache_read_tokens": .optionalInt(run.tokens.cacheRead),
            "cache_creation_tokens": .optionalInt(run.tokens.cacheCreation),
            "cost_usd": run.cost.map { .double($0.usd) } ?? .null,
            "unpriced_model_calls": .int(run.unpricedCalls), "agent_version": .optionalInt(run.agentVersion),
        ]
    }

    static func detail(_ run: RunDetail) -> [UInt8] {
        var out = JSONWriter(capacity: run.input.count + (run.output?.count ?? 0) + 2048)
        out.value(.object(summary(run.summary)))
        out.bytes.removeLast()
        func spliced(_ name: StaticString, _ json: [UInt8]?) {
            out.raw(",\"")
            out.raw(name)
            out.raw("\":")
            if let json { out.raw(json) } else { out.raw("null") }
        }
        spliced("input", run.input)
        spliced("output", run.output)
        spliced("error_detail", run.errorDetail)
        out.raw(",\"cancel_reason\":")
        out.value(.optional(run.cancelReason))
        out.raw(",\"event_count\":")
        out.int(run.summary.eventCount)
        out.raw(",\"replay_of\":")
        if let origin = run.origin {
            out.value(["run_id": .string("\(origin.run)"), "from_step": .int(origin.step)])
        } else {
            out.raw("null")
        }
        waiting(run, &out)
        out.raw(",\"tasks\":[")
        for (index, task) in run.tasks.enumerated() {
            if index > 0 { out.raw(",") }
            out.raw("{\"id\":")
            out.id(task.id.bits)
            out.raw(",\"name\":")
            out.string(task.name)
            out.raw(",\"status\":")
            out.string(task.status.rawValue)
            spliced("input", task.input)
            spliced("output", task.output)
            out.raw(",\"error_message\":")
            out.value(.optional(task.errorMessage))
            out.raw(",\"started_at\":")
            out.value(.time(task.startedAt))
            out.raw(",\"completed_at\":")
            out.value(.time(task.completedAt))
            out.raw("}")
        }
        out.raw("]}")
        return out.bytes
    }

    private static func waiting(_ run: RunDetail, _ out: inout JSONWriter) {
        out.raw(",\"awaiting_approval\":")
        if let approval = run.approval {
            out.raw("{\"approval_id\":")
            out.id(approval.id.bits)
            out.raw(",\"tool\":")
            out.string(approval.tool)
            out.raw(",\"input\":")
            out.raw(approval.input)
            out.raw(",\"expires_at\":")
            out.value(.time(approval.expiresAt))
            out.raw("}")
        } else {
            out.raw("null")
        }
        out.raw(",\"awaiting_input\":")
        guard let question = run.question else { return out.raw("null") }
        out.raw("{\"request_id\":")
        out.id(question.id.bits)
        out.raw(",\"question\":")
        out.string(question.question)
        out.raw(",\"context\":")
        out.raw(question.context ?? Array("null".utf8))
        out.raw(",\"options\":")
        out.raw(question.options ?? Array("[]".utf8))
        out.raw("}")
    }
}
