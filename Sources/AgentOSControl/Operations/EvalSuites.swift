import AgentOSCore
import AgentOSStore

/// All cases of an agent at once, and two versions of it side by side.
extension Operation {
    private static let states = ["pending", "running", "passed", "failed", "error"]

    static func runSuite(_ services: ControlServices) -> Operation {
        Operation(
            "evals_run_suite", "Tries all cases of an agent in the background; look at them with evals_get_suite.",
            [
                .agentID,
                .optional(
                    "version", .integer(1...1_000_000), "Of the agent's configuration (default: as it is now)."),
            ], access: .role(.member),
            returns: .object([("eval_suite_id", .uuid), ("id", .uuid), ("version", .integer), ("status", .string)])
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            let version = call.parameters.int("version") ?? agent.version
            if version != agent.version {
                _ = try await services.agentVersions.version(version, agent: agent.key)
            }
            try services.admission.check()
            let suite = try await services.evals.beginSuite(agent: agent, version: version)
            return OperationResult([
                "eval_suite_id": .string("\(suite)"), "id": .string("\(suite)"), "version": .int(version),
                "status": "running",
            ])
        }
    }

    static func getSuite(_ services: ControlServices) -> Operation {
        Operation(
            "evals_get_suite", "Shows how the tries of a suite went so far.",
            [.required("eval_suite_id", .uuid, "The suite.")], readOnly: true, access: .role(.viewer),
            returns: .object([
                ("id", .uuid), ("status", .choice(["running", "passed", "failed"])), ("version", .nullable(.integer)),
                ("total", .integer), ("passed", .integer), ("failed", .integer), ("errors", .integer),
                (
                    "runs",
                    .array(
                        .object([
                            ("eval_run_id", .uuid), ("eval_case_id", .uuid), ("name", .string),
                            ("status", .choice(states)), ("run_id", .nullable(.uuid)), ("results", .array(.freeObject)),
                            ("error_message", .nullable(.string)), ("created_at", .time),
                            ("completed_at", .nullable(.time)),
                        ]))
                ),
            ])
        ) { call in
            let id: EvalSuiteID = try call.parameters.id("eval_suite_id")
            let runs = try await services.evals.suite(id, workspace: call.workspaceKey)
            func count(_ status: String) -> Int { runs.count { $0.status == status } }
            let isOver = runs.allSatisfy { $0.completedAt != nil }
            let status = !isOver ? "running" : count("passed") == runs.count ? "passed" : "failed"
            return OperationResult([
                "id": .string("\(id)"), "status": .string(status), "version": .optionalInt(runs.first?.version),
                "total": .int(runs.count), "passed": .int(count("passed")), "failed": .int(count("failed")),
                "errors": .int(count("error")),
                "runs": .array(
                    runs.map { run in
                        [
                            "eval_run_id": .string("\(run.id)"), "eval_case_id": .string("\(run.caseID)"),
                            "name": .string(run.caseName), "status": .string(run.status),
                            "run_id": .optional(run.runID?.description), "results": run.results,
                            "error_message": .optional(run.errorMessage), "created_at": .time(run.createdAt),
                            "completed_at": .time(run.completedAt),
                        ]
                    }),
            ])
        }
    }

    static func compare(_ services: ControlServices) -> Operation {
        let versions = 1...1_000_000
        return Operation(
            "evals_compare", "Compares the latest tries of an agent's cases with two of its versions.",
            [
                .agentID, .required("from_version", .integer(versions), "The one version."),
                .required("to_version", .integer(versions), "The other."),
            ], readOnly: true, access: .role(.viewer),
            returns: .object([
                ("agent_id", .uuid), ("from_version", .integer), ("to_version", .integer), ("fixed", .integer),
                ("broken", .integer),
                (
                    "cases",
                    .array(
                        .object([
                            ("eval_case_id", .uuid), ("name", .string), ("from_status", .nullable(.string)),
                            ("to_status", .nullable(.string)),
                            ("change", .choice(["fixed", "broken", "same", "untried"])),
                            ("from_eval_run_id", .nullable(.uuid)), ("to_eval_run_id", .nullable(.uuid)),
                        ]))
                ),
            ])
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            let from = call.parameters.int("from_version") ?? 1
            let to = call.parameters.int("to_version") ?? 1
            for number in [from, to] { _ = try await services.agentVersions.version(number, agent: agent.key) }
            let old = try await services.evals.latest(agent: agent.key, version: from)
            let new = try await services.evals.latest(agent: agent.key, version: to)
            var (fixed, broken) = (0, 0)
            let cases = try await services.evals.cases(agent: agent.key).items.map { item -> JSONValue in
                let (before, after) = (old[item.id], new[item.id])
                var change = "untried"
                if let before, let after {
                    switch (before.status == "passed", after.status == "passed") {
                    case (false, true): change = "fixed"
                    case (true, false): change = "broken"
                    default: change = "same"
                    }
                }
                fixed += change == "fixed" ? 1 : 0
                broken += change == "broken" ? 1 : 0
                return [
                    "eval_case_id": .string("\(item.id)"), "name": .string(item.name),
                    "from_status": .optional(before?.status), "to_status": .optional(after?.status),
                    "change": .string(change), "from_eval_run_id": .optional(before?.id.description),
                    "to_eval_run_id": .optional(after?.id.description),
                ]
            }
            return OperationResult([
                "agent_id": .string("\(agent.id)"), "from_version": .int(from), "to_version": .int(to),
                "fixed": .int(fixed), "broken": .int(broken), "cases": .array(cases),
            ])
        }
    }
}
