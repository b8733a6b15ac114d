import AgentOSCore
import AgentOSRuntime
import AgentOSStore

extension Operation {
    static func approvals(_ services: ControlServices) -> [Operation] {
        [approvalsList(services), approvalsDecide(services)]
    }

    private static func approvalsList(_ services: ControlServices) -> Operation {
        Operation(
            "approvals_list", "Lists tool calls that wait for a decision, oldest first.",
            [.optional("agent_id", .uuid, "Only approvals of this agent."), .limit(), .cursor], readOnly: true,
            access: .role(.viewer), returns: .array(.approval)
        ) { call in
            let page = try call.page()
            var agentKey: Int64?
            if let agent: AgentID = call.parameters.optionalID("agent_id") {
                agentKey = try await services.agents.agent(agent, workspace: call.workspaceKey).key
            }
            return .page(
                try await services.approvals.pending(workspace: call.workspaceKey, agent: agentKey, page),
                ApprovalView.full)
        }
    }

    private static func approvalsDecide(_ services: ControlServices) -> Operation {
        Operation(
            "approvals_decide", "Approves or rejects a tool call; the run goes on in the background.",
            [
                .required("approval_id", .uuid, "The approval."),
                .required("decision", .choice(["approved", "rejected", "approve", "reject"]), "The decision."),
                .optional("decision_note", .string(0...2000), "Shown in the run's record."),
                .optional("note", .string(0...2000), "The same as decision_note."),
                .optional("arguments", .object, "Replaces the arguments of an approved call."),
            ], access: .role(.member),
            returns: .object([("ok", .boolean), ("approval_id", .uuid), ("status", .string), ("run_id", .uuid)])
        ) { call in
            let parameters = call.parameters
            let id: ApprovalID = try parameters.id("approval_id")
            let isApproved = try parameters.requiredString("decision").hasPrefix("approve")
            let run = try await services.runtime.decide(
                id, workspace: call.workspace.ref,
                .init(
                    isApproved: isApproved, note: parameters.string("decision_note") ?? parameters.string("note"),
                    arguments: parameters.object("arguments"), decidedBy: "key:\(call.principal.keyID)"))
            return OperationResult([
                "ok": true, "approval_id": .string("\(id)"), "status": isApproved ? "approved" : "rejected",
                "run_id": .string("\(run.id)"),
            ])
        }
    }
}
