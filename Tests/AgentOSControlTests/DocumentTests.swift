import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

/// The interface's description holds what the server does: each example can be sent, each answer has the shape that is
/// described.
@Suite("The description of the interface")
struct DocumentTests {
    /// Parameters that stand for objects which must be there; made anew for each call, since calls delete.
    private func fixtures(_ runtime: TestRuntime, _ key: String) async throws -> [String: JSONValue] {
        func made(_ operation: String, _ parameters: JSONObject) async throws -> JSONValue {
            try #require(try await runtime.call(operation, key: key, parameters)["id"], "\(operation)")
        }
        let agent = try await made(
            "agents_create", ["name": "Fixture", "system_prompt": "x", "provider_type": "demo"])
        let invoked = try await runtime.call("runs_invoke", key: key, ["agent_id": agent, "start_session": true])
        let gated = try await made(
            "agents_create",
            [
                "name": "Gated", "system_prompt": "x", "provider_type": "demo", "tools": ["current_time"],
                "approval_tools": ["current_time"],
            ])
        let paused = try await runtime.call(
            "runs_invoke", key: key, ["agent_id": gated, "input": ["message": "What time is it?"]])
        let approvals = try await runtime.call("approvals_list", key: key, ["agent_id": gated])
        _ = try await runtime.call("schedules_upsert", key: key, ["agent_id": agent, "frequency": "daily"])
        let evalCase = try await made(
            "evals_create_case",
            ["agent_id": agent, "name": "c", "input": [:], "assertions": [["type": "no_error"]]])
        let hook = try await made("webhooks_create", ["url": "https://1.1.1.1/"])
        _ = try await runtime.call("webhooks_test", key: key, ["webhook_id": hook])
        let deliveries = try await runtime.call("webhooks_deliveries", key: key, ["webhook_id": hook])
        let jobs = try await runtime.call("jobs_list", key: key, ["kind": .string(ScheduleStore.fireJob)])
        let member = try await runtime.store.member(.viewer)
        let people = try await runtime.call("members_list", key: key)
        let notes = try await runtime.call("notifications_list", key: key)
        let ownKey = try await runtime.call("keys_create_user", key: key, ["name": "k"])
        _ = member
        return [
            "agent_id": agent, "run_id": try #require(invoked["run_id"]),
            "cancelled_run_id": try #require(paused["run_id"]),
            "conversation_id": try #require(invoked["session_id"]),
            "approval_id": try #require(approvals.arrayValue?.first?["id"]),
            "folder_id": try await made("folders_create", ["name": .string("Folder \(agent.text.suffix(8))")]),
            "alert_id": try await made(
                "alerts_create",
                [
                    "name": "a", "condition_type": "run_failed", "channels": ["email"],
                    "notification_config": ["email": "a@example.org"],
                ]), "eval_case_id": evalCase,
            "eval_suite_id": try #require(
                try await runtime.call("evals_run_suite", key: key, ["agent_id": agent])["id"]),
            "eval_run_id": try await made("evals_run_case", ["eval_case_id": evalCase]), "webhook_id": hook,
            "job_id": try #require(jobs.arrayValue?.first?["id"]),
            "delivery_id": try #require(deliveries.arrayValue?.first?["id"]),
            "report_id": try await made(
                "reports_generate", ["type": "run_summary", "run_id": try #require(invoked["run_id"])]),
            "member_id": try #require(people["members"]?.arrayValue?.last?["id"]),
            "notification_id": notes.arrayValue?.first?["id"] ?? .null,
            "key_id": try await made("api_keys_create", ["agent_id": agent, "name": "k"]),
            "own_key_id": try #require(ownKey["id"]),
            "tool_id": try await made(
                "tools_create_workspace",
                ["name": .string("t\(agent.text.suffix(9).prefix(8))"), "method": "GET", "url": "https://1.1.1.1/"]),
        ]
    }

    @Test("every method's example goes through, and its answer fits its schema")
    func examples() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key(user: runtime.store.owner)
            let document = try JSONParser.parse(Documents(runtime.registry, version: "1").openAPI.json)
            let defaultSlug = try #require(
                try await runtime.call("workspaces_list", key: key).arrayValue?.first?["slug"])
            // A second workspace would have to be named from then on, so that one is made last.
            let last = ["workspaces_create", "workspaces_delete"]
            let operations = runtime.registry.operations.filter { !last.contains($0.name) }
            for operation in operations + (try last.map { try #require(runtime.registry[$0]) }) {
                // Needs a second server; the conformance tests have one.
                if operation.name.hasPrefix("mcp_servers_"), !operation.isReadOnly { continue }
                let fixtures = last.contains(operation.name) ? [:] : try await fixtures(runtime, key)
                let path = try #require(document["paths"]?["/api/v1/rpc/\(operation.name)"]?["post"])
                let content = try #require(path["requestBody"]?["content"]?["application/json"])
                var call = try #require(content["example"]?.objectValue)
                // Names are looked up; the machine that tests may have no network.
                for (name, value) in call.members where value.stringValue?.hasPrefix("https://example.com/") == true {
                    call[name] = "https://1.1.1.1/"
                }
                for (name, value) in call.members where value.stringValue?.hasPrefix("0198c0de-") == true {
                    call[name] = try #require(fixtures[name], "\(operation.name).\(name)")
                }
                switch operation.name {
                case "runs_cancel": call["run_id"] = fixtures["cancelled_run_id"]
                case "reports_schedule_delete":
                    _ = try await runtime.call("reports_schedule_set", key: key, ["frequency": "daily"])
                case "workspaces_delete": call["confirm"] = defaultSlug
                case "jobs_retry": call["job_id"] = fixtures["job_id"]
                case "keys_revoke_user": call["key_id"] = fixtures["own_key_id"]
                case "resources_delete":
                    _ = try await runtime.call(
                        "resources_create", key: key, ["filename": "prices.csv", "content": "x"])
                case "providers_delete":
                    _ = try await runtime.call(
                        "providers_set", key: key, ["provider_type": "anthropic", "api_key": "sk-test"])
                default: break
                }
                let isInWorkspace =
                    switch operation.access {
                    case .anybody, .anyPerson: false
                    default: true
                    }
                if isInWorkspace { call["workspace"] = defaultSlug }
                #expect(try JSONSchema(try #require(content["schema"])).isValid(.object(call)), "\(operation.name)")
                let answer: JSONValue
                do {
                    answer = try await runtime.call(operation.name, key: key, call)
                } catch let error as AgentOSError {
                    // The one delivery there is cannot have ended yet.
                    if operation.name == "webhooks_redeliver", error.code == .conflict { continue }
                    Issue.record("\(operation.name): \(error.message)")
                    continue
                }
                if case .anything = operation.result { Issue.record("\(operation.name) does not say what it returns") }
                let issues = try JSONSchema(.object(operation.result.schema)).issues(in: answer)
                #expect(issues.isEmpty, "\(operation.name): \(issues.map { "\($0.path) \($0.message)" })")
            }
        }
    }

    @Test("every path is described, and an invoke's stream beside its answer")
    func paths() async throws {
        try await withRuntime { runtime in
            let document = try JSONParser.parse(Documents(runtime.registry, version: "1").openAPI.json)
            for (method, path) in [
                ("post", "/api/mcp"), ("post", "/api/v1/hooks/{agent_id}/{token}"), ("get", "/api/v1/tail"),
                ("get", "/invites/{token}"), ("post", "/invites/{token}"), ("get", "/metrics"), ("get", "/docs"),
                ("get", "/openapi.json"), ("get", "/healthz"), ("post", "/api/ingest/v1/events"),
            ] {
                #expect(document["paths"]?[path]?[method]?["responses"]?.objectValue?.isEmpty == false, "\(path)")
            }
            let invoke = document["paths"]?["/api/v1/agents/{agent_id}/invoke"]?["post"]?["responses"]?["200"]
            #expect(
                Set(invoke?["content"]?.objectValue?.keys ?? []) == ["application/json", "text/event-stream"])
            let message = document["paths"]?["/api/mcp"]?["post"]?["responses"]
            #expect(message?["202"]?["content"] == nil && message?["400"]?["description"]?.stringValue != nil)
        }
    }

    @Test("the reference page names every method and loads nothing")
    func page() async throws {
        try await withRuntime { runtime in
            let html = String(decoding: Documents(runtime.registry, version: "1").reference.html, as: UTF8.self)
            for operation in runtime.registry.operations { #expect(html.contains("id=\"\(operation.name)\"")) }
            #expect(!html.contains("<script"))
            #expect(!html.contains("src="))
        }
    }
}
