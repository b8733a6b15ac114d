import AgentOSCore
import AgentOSStore

extension Operation {
    /// What is to be done later, where a person can see it.
    static func jobs(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "jobs_list", "Lists what is to be done later (firings, deliveries, mails, evals), newest first.",
                [
                    .optional("kind", .string(1...100), "Only of this kind, e.g. webhook.deliver."),
                    .optional("state", .choice(JobQueue.states), "Only in this state; parked ones were given up."),
                    .limit(), .cursor,
                ], readOnly: true, access: .role(.admin),
                returns: .array(
                    .object([
                        ("id", .string), ("kind", .string), ("name", .string), ("state", .choice(JobQueue.states)),
                        ("attempts", .integer), ("run_at", .time), ("last_error", .nullable(.string)),
                        ("created_at", .time),
                    ]))
            ) { call in
                let found = try await services.queue.list(
                    workspace: call.workspaceKey, kind: call.parameters.string("kind"),
                    state: call.parameters.string("state"), call.page())
                return .page(found) { job in
                    [
                        "id": .string(String(job.key)), "kind": .string(job.kind), "name": .string(job.name),
                        "state": .string(job.state), "attempts": .int(job.attempts), "run_at": .time(job.runAt),
                        "last_error": .optional(job.lastError), "created_at": .time(job.createdAt),
                    ]
                }
            },
            Operation(
                "jobs_retry", "Has a job tried now, also one that was given up.",
                [.required("job_id", .string(1...20), "Its id, as jobs_list shows it.")], access: .role(.admin),
                returns: .object([("ok", .boolean), ("job_id", .string)])
            ) { call in
                let id = try call.parameters.requiredString("job_id")
                guard let key = Int64(id) else { throw AgentOSError.notFound("job") }
                try await services.queue.retry(key, workspace: call.workspaceKey)
                return OperationResult(["ok": true, "job_id": .string(id)])
            },
        ]
    }
}
