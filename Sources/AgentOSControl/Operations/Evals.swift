import AgentOSCore
import AgentOSStore

extension Operation {
    static func evals(_ services: ControlServices) -> [Operation] {
        [
            listCases(services), createCase(services), createFromRun(services), deleteCase(services), runCase(services),
            getRun(services), runSuite(services), getSuite(services), compare(services),
        ]
    }

    private static let caseID = Parameter.required("eval_case_id", .uuid, "The case.")
    private static let version = Parameter.optional(
        "version", .integer(1...1_000_000), "Of the agent's configuration (default: as it is now).")
    private static let states = ["pending", "running", "passed", "failed", "error"]
    private static let made = ResultType.object([("eval_case_id", .uuid), ("id", .uuid), ("name", .string)])

    private static func listCases(_ services: ControlServices) -> Operation {
        Operation(
            "evals_list_cases", "Lists an agent's eval cases with how the latest try went, oldest first.",
            [.agentID, .limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("id", .uuid), ("agent_id", .uuid), ("name", .string), ("input", .freeObject),
                    ("assertions", .array(.freeObject)), ("last_run_status", .nullable(.string)),
                    ("last_run_id", .nullable(.uuid)), ("created_at", .time),
                ]))
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            return .page(try await services.evals.cases(agent: agent.key, call.page(1000))) { item in
                [
                    "id": .string("\(item.id)"), "agent_id": .string("\(agent.id)"), "name": .string(item.name),
                    "input": item.input, "assertions": item.assertions, "last_run_status": .optional(item.lastStatus),
                    "last_run_id": .optional(item.lastRunID?.description), "created_at": .time(item.createdAt),
                ]
            }
        }
    }

    private static func createCase(_ services: ControlServices) -> Operation {
        Operation(
            "evals_create_case", "Creates a case: an input, and what must be true of what the agent does with it.",
            [
                .agentID, .required("name", .string(1...200), "Its name."), .required("input", .object, "The input."),
                .required("assertions", .array(.object, 1...50), "{type, value}; all must pass."),
            ], access: .role(.member), returns: made
        ) { call in
            let assertions = call.parameters.value("assertions")?.arrayValue ?? []
            for (index, assertion) in assertions.enumerated() {
                _ = try EvalAssertion(assertion, path: "assertions[\(index)]")
            }
            let name = try call.parameters.requiredString("name")
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            guard agent.runtimeType == .hosted else {
                throw AgentOSError.invalid("agent_id", "must be a hosted agent: this one runs elsewhere")
            }
            let id = try await services.evals.create(
                agent: agent, name: name, input: call.parameters.object("input") ?? JSONObject(), assertions: assertions
            )
            return OperationResult(["eval_case_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(name)])
        }
    }

    private static func createFromRun(_ services: ControlServices) -> Operation {
        Operation(
            "evals_create_from_run",
            "Makes a case out of a recorded run: its input, no error, and an answer like the one it gave.",
            [.runID, .optional("name", .string(1...200), "Its name (default: made from the run).")],
            access: .role(.member), returns: made
        ) { call in
            let run = try await services.runs.detail(call.parameters.id("run_id"), workspace: call.workspaceKey)
            let agent = try await services.agents.agent(run.summary.agentID, workspace: call.workspaceKey)
            guard agent.runtimeType == .hosted else {
                throw AgentOSError.invalid("run_id", "must be a run of a hosted agent")
            }
            var assertions: [JSONValue] = [["type": "no_error"]]
            let output: JSONValue = run.output.flatMap { try? JSONParser.parse($0) } ?? .null
            if let text = EvalAssertion.plainText(of: output) {
                assertions.append(["type": "similar_to", "value": ["text": .string(text), "threshold": .double(0.5)]])
            } else if !output.isNull {
                assertions.append(["type": "output_equals", "value": output])
            }
            let name = call.parameters.string("name") ?? "Run \(run.summary.id)"
            let input = (try? JSONParser.parse(run.input))?.objectValue ?? JSONObject()
            let id = try await services.evals.create(agent: agent, name: name, input: input, assertions: assertions)
            return OperationResult(["eval_case_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(name)])
        }
    }

    private static func deleteCase(_ services: ControlServices) -> Operation {
        Operation(
            "evals_delete_case", "Deletes a case with its tries.", [caseID], access: .role(.member),
            returns: .object([("ok", .boolean), ("eval_case_id", .uuid)])
        ) { call in
            let item = try await services.evals.evalCase(
                call.parameters.id("eval_case_id"), workspace: call.workspaceKey)
            try await services.evals.delete(item)
            return OperationResult(["ok": true, "eval_case_id": .string("\(item.id)")])
        }
    }

    private static func runCase(_ services: ControlServices) -> Operation {
        Operation(
            "evals_run_case", "Tries a case in the background; look at it with evals_get_run.",
            [caseID, version],
            access: .role(.member), returns: .object([("eval_run_id", .uuid), ("id", .uuid), ("status", .string)])
        ) { call in
            let item = try await services.evals.evalCase(
                call.parameters.id("eval_case_id"), workspace: call.workspaceKey)
            let version = call.parameters.int("version")
            if let version {
                let agent = try await services.agents.agent(item.agentID, workspace: call.workspaceKey)
                _ = try await services.agentVersions.version(version, agent: agent.key)
            }
            try services.admission.check()
            let id = try await services.evals.begin(item, version: version)
            return OperationResult(["eval_run_id": .string("\(id)"), "id": .string("\(id)"), "status": "pending"])
        }
    }

    private static func getRun(_ services: ControlServices) -> Operation {
        Operation(
            "evals_get_run", "Shows how a try of a case went, assertion by assertion.",
            [.required("eval_run_id", .uuid, "The try.")], readOnly: true, access: .role(.viewer),
            returns: .object([
                ("id", .uuid), ("eval_case_id", .uuid), ("run_id", .nullable(.uuid)),
                ("status", .choice(states)), ("version", .nullable(.integer)),
                ("results", .array(.freeObject)), ("error_message", .nullable(.string)), ("created_at", .time),
                ("completed_at", .nullable(.time)),
            ])
        ) { call in
            let run = try await services.evals.run(call.parameters.id("eval_run_id"), workspace: call.workspaceKey)
            return OperationResult([
                "id": .string("\(run.id)"), "eval_case_id": .string("\(run.caseID)"),
                "run_id": .optional(run.runID?.description), "status": .string(run.status),
                "version": .optionalInt(run.version), "results": run.results,
                "error_message": .optional(run.errorMessage), "created_at": .time(run.createdAt),
                "completed_at": .time(run.completedAt),
            ])
        }
    }
}
