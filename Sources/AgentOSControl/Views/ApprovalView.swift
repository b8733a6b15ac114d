import AgentOSCore
import AgentOSStore

/// Approvals as answers show them (contract 5.2).
public enum ApprovalView {
    static func full(_ approval: ApprovalRecord) -> JSONValue {
        func json(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }
        return [
            "id": .string("\(approval.id)"), "approval_id": .string("\(approval.id)"),
            "run_id": .string("\(approval.run.id)"), "agent_id": .string("\(approval.agentID)"),
            "agent_name": .string(approval.agentName), "tool": .string(approval.tool), "input": json(approval.input),
            "edited_input": json(approval.editedInput), "status": .string(approval.status),
            "decision_note": .optional(approval.note), "decided_by": .optional(approval.decidedBy),
            "decided_at": .time(approval.decidedAt), "created_at": .time(approval.createdAt),
            "expires_at": .time(approval.expiresAt),
        ]
    }
}
