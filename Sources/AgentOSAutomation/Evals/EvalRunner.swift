import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire

/// Makes the tries of cases: a test run of the agent as it is now, then every assertion is judged.
struct EvalRunner: Sendable {
    let stores: Stores
    let runtime: Runtime
    let judge: EvalJudge

    func run(_ key: Int64) async throws {
        guard let (run, evalCase) = try await stores.evals.open(key) else { return }
        let (ref, agent): (RunRef, Agent)
        let assertions = try (evalCase.assertions.arrayValue ?? []).enumerated().map {
            try EvalAssertion($1, path: "assertions[\($0)]")
        }
        do {
            agent = try await self.agent(of: evalCase, version: run.version)
            var request = InvokeRequest(input: evalCase.input.encoded)
            request.test = true
            // A try that is begun anew after a crash finds its run again.
            let invocation = HostedRunStore.Invocation(own: "eval", "\(run.id)", body: request.input)
            let started = try await runtime.invoke(agent, request, trigger: .manual, invocation: invocation)
            ref = started.ref
            try await stores.evals.noteRunning(run, as: ref)
            let outcome = try await runtime.outcome(of: started)
            if case .paused = outcome.result {
                try await runtime.cancel(ref, reason: "An eval does not wait for people.")
                return try await stores.evals.settle(
                    run, status: "failed", results: [], error: "paused: the run waits for a person")
            }
        } catch let error as AgentOSError where error.code != .unavailable && error.code != .rateLimited {
            return try await stores.evals.settle(run, status: "error", results: [], error: error.message)
        }
        let observed = try await observe(ref, of: agent)
        var results: [(passed: Bool, shown: JSONValue)] = []
        do {
            for assertion in assertions {
                if let rubric = assertion.rubric {
                    results.append(try await judge.judge(observed, of: agent, input: evalCase.input, rubric))
                    continue
                }
                let result = assertion.judge(observed)
                results.append(
                    (
                        result.passed,
                        [
                            "assertion_type": .string(assertion.type), "passed": .bool(result.passed),
                            "actual_value": result.actual, "expected_value": result.expected,
                        ]
                    ))
            }
        } catch let error as AgentOSError where error.code != .unavailable && error.code != .rateLimited {
            return try await stores.evals.settle(
                run, status: "error", results: results.map(\.shown), error: error.message)
        }
        // A run that failed passes nothing, whatever was asked of it.
        let passed = observed.error == nil && results.allSatisfy(\.passed)
        try await stores.evals.settle(
            run, status: passed ? "passed" : "failed", results: results.map(\.shown), error: observed.error)
    }

    /// The agent with the configuration that the try is of.
    private func agent(of evalCase: EvalCase, version: Int?) async throws -> Agent {
        var agent = try await stores.agents.agent(evalCase.agentID, workspace: evalCase.workspaceKey)
        if let version, version != agent.version {
            agent.adopt(try await stores.agentVersions.version(version, agent: agent.key).configuration)
            agent.version = version
        }
        return agent
    }

    private func observe(_ ref: RunRef, of agent: Agent) async throws -> EvalAssertion.Observed {
        let detail = try await stores.runs.detail(ref.id, workspace: ref.workspaceKey)
        var (tools, steps, isPriced) = ([String](), 0, true)
        for entry in try await stores.hosted.journal(of: ref) {
            guard case .modelReplied(let recorded) = entry else { continue }
            steps += 1
            // The demo costs nothing by its nature.
            if recorded.cost == nil, (agent.providerType ?? .demo) != .demo { isPriced = false }
            tools += recorded.reply.toolCalls.map(\.name)
        }
        let summary = detail.summary
        return .init(
            output: detail.output.flatMap { try? JSONParser.parse($0) } ?? .null,
            error: summary.status == .completed ? nil : summary.errorMessage ?? summary.status.rawValue, tools: tools,
            durationMilliseconds: summary.durationMilliseconds ?? 0,
            tokens: (summary.tokens.input ?? 0) + (summary.tokens.output ?? 0),
            costUSD: isPriced ? summary.cost?.usd ?? 0 : nil, steps: steps)
    }
}
