import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Suites of eval cases, versions side by side, and a model as the judge")
struct EvalSuiteTests {
    private func ended(_ runtime: TestRuntime, _ key: String, _ suite: JSONValue) async throws -> JSONValue {
        try await eventually("the suite ends") {
            try await runtime.call("evals_get_suite", key: key, ["eval_suite_id": suite])["status"] != "running"
        }
        return try await runtime.call("evals_get_suite", key: key, ["eval_suite_id": suite])
    }

    @Test("two versions are tried with the same cases, each with its own configuration")
    func versions() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in .text(request.system.contains("politely") ? "Good day, sir" : "Yo") }
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                let agent = try #require(
                    try await runtime.call(
                        "agents_create", key: key,
                        ["name": "A", "system_prompt": "Greet.", "provider_type": "anthropic", "model": "claude-x"])[
                            "id"]
                )
                for (name, word) in [("greets", "day"), ("short", "o")] {
                    _ = try await runtime.call(
                        "evals_create_case", key: key,
                        [
                            "agent_id": agent, "name": .string(name), "input": ["message": "Hi"],
                            "assertions": [["type": "output_contains", "value": .string(word)]],
                        ])
                }
                _ = try await runtime.call(
                    "agents_update", key: key, ["agent_id": agent, "system_prompt": "Greet politely."])
                var states: [JSONValue?] = []
                for version in [1, 2] {
                    let suite = try #require(
                        try await runtime.call(
                            "evals_run_suite", key: key, ["agent_id": agent, "version": .int(version)])["id"])
                    let result = try await ended(runtime, key, suite)
                    #expect(result["version"] == .int(version) && result["total"] == 2)
                    states.append(result["status"])
                }
                #expect(states == ["failed", "passed"])
                let compared = try await runtime.call(
                    "evals_compare", key: key, ["agent_id": agent, "from_version": 1, "to_version": 2])
                #expect(compared["fixed"] == 1 && compared["broken"] == 0)
                #expect(compared["cases"]?.arrayValue?.map { $0["change"] } == ["fixed", "same"])
                let unknown = try await refusal {
                    try await runtime.call("evals_run_suite", key: key, ["agent_id": agent, "version": 7])
                }
                #expect(unknown?.code == .notFound)
            }
        }
    }

    @Test("what an agent was tried with is gone with it, at once")
    func ofDeletedAgent() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let agent = try #require(
                try await runtime.call(
                    "agents_create", key: key, ["name": "A", "system_prompt": "Hi.", "provider_type": "demo"])["id"])
            _ = try await runtime.call(
                "evals_create_case", key: key,
                ["agent_id": agent, "name": "c", "input": ["message": "Hi"], "assertions": [["type": "no_error"]]])
            let suite = try #require(
                try await runtime.call("evals_run_suite", key: key, ["agent_id": agent])["id"])
            let shown = try await ended(runtime, key, suite)
            let tried = try #require(shown["runs"]?.arrayValue?.first?["eval_run_id"])
            #expect(try await runtime.call("evals_get_run", key: key, ["eval_run_id": tried])["id"] == tried)
            _ = try await runtime.call("agents_delete", key: key, ["agent_id": agent])
            let calls: [(String, JSONObject)] = [
                ("evals_get_run", ["eval_run_id": tried]), ("evals_get_suite", ["eval_suite_id": suite]),
            ]
            for (method, parameters) in calls {
                let refused = try await refusal { try await runtime.call(method, key: key, parameters) }
                #expect(refused?.code == .notFound, "\(method)")
            }
        }
    }

    @Test("a model judges by the rubric: the threshold decides, and a judge that babbles is an error")
    func judge() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                guard request.system.contains("You judge") else { return .text("Water boils at 100 degrees.") }
                if request.lastUserText.contains("impossible") { return .text("no idea") }
                return .json([
                    "score": .double(request.lastUserText.contains("strict") ? 0.4 : 0.9), "reason": "Because.",
                ])
            }
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                let agent = try #require(
                    try await runtime.call(
                        "agents_create", key: key,
                        ["name": "A", "system_prompt": "x", "provider_type": "openai", "model": "gpt-x"])["id"])
                for rubric in ["kind", "strict", "impossible"] {
                    _ = try await runtime.call(
                        "evals_create_case", key: key,
                        [
                            "agent_id": agent, "name": .string(rubric), "input": ["message": "When does water boil?"],
                            "assertions": [["type": "llm_judge", "value": ["rubric": .string(rubric)]]],
                        ])
                }
                let suite = try #require(
                    try await runtime.call("evals_run_suite", key: key, ["agent_id": agent])["id"])
                let runs = try await ended(runtime, key, suite)["runs"]?.arrayValue ?? []
                #expect(runs.map { $0["status"] } == ["passed", "failed", "error"])
                #expect(runs.first?["results"]?.arrayValue?.first?["actual_value"]?["reason"] == "Because.")
                let bad = try await refusal {
                    try await runtime.call(
                        "evals_create_case", key: key,
                        [
                            "agent_id": agent, "name": "x", "input": [:],
                            "assertions": [["type": "llm_judge", "value": ["rubric": "r", "threshold": 2]]],
                        ])
                }
                #expect(bad?.details.first?.path == "assertions[0].value")
            }
        }
    }

    @Test("a cost that nobody knows is within no bound, the demo's is; a run that failed passes nothing")
    func unknown() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in request.lastUserText.contains("break") ? .error(400) : .text("Done.") }
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                func states(_ provider: String, _ model: String?, _ messages: [String]) async throws -> [JSONValue?] {
                    var draft: JSONObject = [
                        "name": "A", "system_prompt": "x", "provider_type": .string(provider),
                    ]
                    if let model { draft["model"] = .string(model) }
                    let given = draft
                    let agent = try #require(try await runtime.call("agents_create", key: key, given)["id"])
                    for message in messages {
                        let assertion: JSONValue =
                            message == "break"
                            ? ["type": "output_not_contains", "value": "x"] : ["type": "max_cost_usd", "value": 1]
                        _ = try await runtime.call(
                            "evals_create_case", key: key,
                            [
                                "agent_id": agent, "name": "case", "input": ["message": .string(message)],
                                "assertions": [assertion],
                            ])
                    }
                    let suite = try #require(
                        try await runtime.call("evals_run_suite", key: key, ["agent_id": agent])["id"])
                    return try await ended(runtime, key, suite)["runs"]?.arrayValue?.map { $0["status"] } ?? []
                }
                #expect(try await states("openai", "nobody-prices-this", ["go", "break"]) == ["failed", "failed"])
                #expect(try await states("demo", nil, ["go"]) == ["passed"])
            }
        }
    }
}
