import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Cases made of recorded runs")
struct EvalFromRunTests {
    @Test("a case passes on the very answer it was made of, also when that has more than a text")
    func sameAnswer() async throws {
        try await withFakeProvider { fake in
            fake.answer { request in
                request.system.contains("JSON") ? .json(["text": "It is fine.", "score": 12]) : .text("It is fine.")
            }
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                let schema: JSONValue = [
                    "type": "object", "required": ["text", "score"], "additionalProperties": false,
                    "properties": ["text": ["type": "string"], "score": ["type": "number"]],
                ]
                for (prompt, output, assertion) in [
                    ("Answer in JSON.", schema, "output_equals"), ("Answer.", JSONValue.object([:]), "similar_to"),
                ] {
                    let agent = try #require(
                        try await runtime.call(
                            "agents_create", key: key,
                            [
                                "name": "A", "system_prompt": .string(prompt), "provider_type": "openai",
                                "model": "gpt-x", "output_schema": output,
                            ])["id"])
                    let run = try await runtime.call(
                        "runs_invoke", key: key, ["agent_id": agent, "input": ["message": "How is it?"]])
                    let made = try await runtime.call(
                        "evals_create_from_run", key: key, ["run_id": try #require(run["run_id"])])
                    let cases = try await runtime.call("evals_list_cases", key: key, ["agent_id": agent])
                    #expect(
                        cases.arrayValue?.first?["assertions"]?.arrayValue?.map { $0["type"] } == [
                            "no_error", .string(assertion),
                        ])
                    let tried = try await runtime.call(
                        "evals_run_case", key: key, ["eval_case_id": try #require(made["id"])])
                    let id = try #require(tried["id"])
                    try await eventually("the try ends") {
                        try await runtime.call("evals_get_run", key: key, ["eval_run_id": id])["completed_at"] != .null
                    }
                    let result = try await runtime.call("evals_get_run", key: key, ["eval_run_id": id])
                    #expect(result["status"] == "passed", "\(result.text)")
                }
            }
        }
    }
}
