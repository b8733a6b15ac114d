import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

/// What it takes to call an operation whose required parameters cannot be made up from their types.
private let fillings: [String: JSONObject] = [
    "agents_create": ["system_prompt": "x"], "agents_update": ["name": "stolen"],
    "approvals_decide": ["decision": "approved"],
    "runs_invoke": ["start_session": .null],
    "alerts_create": [
        "condition_type": "run_failed", "channels": ["email"], "notification_config": ["email": "a@example.org"],
    ],
    "evals_create_case": ["assertions": [["type": "no_error"]]], "webhooks_create": ["url": "https://1.1.1.1/"],
    "schedules_upsert": ["frequency": "daily"],
    "reports_generate.run_id": ["type": "run_summary"],
    "reports_generate": [
        "type": "on_demand", "period_start": "2026-01-01T00:00:00Z", "period_end": "2026-02-01T00:00:00Z",
    ],
]

/// Objects of another workspace, by the parameter that names such an object.
private func strangers(_ runtime: TestRuntime, _ key: String) async throws -> [String: JSONValue] {
    func made(_ operation: String, _ parameters: JSONObject) async throws -> JSONValue {
        try #require(try await runtime.call(operation, key: key, parameters)["id"], "\(operation)")
    }
    let agent = try await made("agents_create", ["name": "Stranger", "system_prompt": "x"])
    let invoked = try await runtime.call("runs_invoke", key: key, ["agent_id": agent, "start_session": true])
    let session = try #require(invoked["session_id"])
    let gated = try await made(
        "agents_create",
        [
            "name": "Gated", "system_prompt": "x", "provider_type": "demo", "tools": ["current_time"],
            "approval_tools": ["current_time"],
        ])
    let paused = try await runtime.call(
        "runs_invoke", key: key, ["agent_id": gated, "input": ["message": "What time is it?"]])
    let approvals = try await runtime.call("approvals_list", key: key)
    let approval = try #require(approvals.arrayValue?.first?["id"], "\(paused.text)")
    let people = try await runtime.call("members_list", key: key)
    let notes = try await runtime.call("notifications_list", key: key)
    let evalCase = try await made(
        "evals_create_case",
        ["agent_id": agent, "name": "c", "input": [:], "assertions": [["type": "no_error"]]])
    let hook = try await made("webhooks_create", ["url": "https://1.1.1.1/"])
    _ = try await runtime.call("webhooks_test", key: key, ["webhook_id": hook])
    let deliveries = try await runtime.call("webhooks_deliveries", key: key, ["webhook_id": hook])
    return [
        "folder_id": try await made("folders_create", ["name": "f"]),
        "alert_id": try await made(
            "alerts_create",
            [
                "name": "a", "condition_type": "run_failed", "channels": ["email"],
                "notification_config": ["email": "a@example.org"],
            ]),
        "eval_case_id": evalCase,
        "eval_suite_id": try await made("evals_run_suite", ["agent_id": agent]),
        "eval_run_id": try await made("evals_run_case", ["eval_case_id": evalCase]),
        "report_id": try await made(
            "reports_generate", ["type": "run_summary", "run_id": try #require(invoked["run_id"])]),
        "webhook_id": hook, "delivery_id": try #require(deliveries.arrayValue?.first?["id"]),
        "member_id": try #require(people["members"]?.arrayValue?.first?["id"]),
        "notification_id": try #require(notes.arrayValue?.first?["id"]),
        "agent_id": agent, "run_id": try #require(invoked["run_id"]), "conversation_id": session, "session_id": session,
        "approval_id": approval,
        "key_id": try await made("api_keys_create", ["agent_id": agent, "name": "k"]),
        "tool_id": try await made(
            "tools_create_workspace", ["name": "t", "method": "GET", "url": "https://1.1.1.1/"]),
    ]
}

@Suite("The wall between workspaces")
struct WorkspaceWallTests {
    /// Parameters whose objects cannot be made without a second server; the wall is tested where they are.
    private static let elsewhere: Set<String> = ["mcp_server_id"]

    @Test("no operation finds an object of another workspace by its id")
    func wall() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let other = try await runtime.call("workspaces_create", key: owner, ["name": "Other Team"])
            let slug = try #require(other["slug"]?.stringValue)
            let place = try #require(try await runtime.store.workspaces.workspace(named: slug))
            let strangers = try await strangers(runtime, try await runtime.store.key(workspace: place.ref.key))
            let mine = try await runtime.store.key()
            let myAgent = try await runtime.store.agent("mine", runtime: .hosted) {
                $0.providerType = .demo
                $0.model = "demo"
                $0.systemPrompt = "x"
            }
            for operation in runtime.registry.operations {
                if case .person = operation.access { continue }
                if case .anyPerson = operation.access { continue }
                for parameter in operation.parameters.parameters {
                    guard case .uuid = parameter.type, !Self.elsewhere.contains(parameter.name) else { continue }
                    guard let stranger = strangers[parameter.name] else {
                        Issue.record("\(operation.name): no object of another workspace is known for \(parameter.name)")
                        continue
                    }
                    var call = JSONObject()
                    for other in operation.parameters.parameters where other.isRequired {
                        call[other.name] = sample(other.type)
                    }
                    if call["agent_id"] != nil { call["agent_id"] = .string("\(myAgent.id)") }
                    let filling = fillings["\(operation.name).\(parameter.name)"] ?? fillings[operation.name]
                    for (name, value) in filling?.members ?? [] { call[name] = value }
                    call[parameter.name] = stranger
                    let error = try await refusal { try await runtime.call(operation.name, key: mine, call) }
                    #expect(
                        error?.code == .notFound,
                        "\(operation.name).\(parameter.name): \(error?.message ?? "went through")")
                }
            }
        }
    }
}

/// Some value of a type.
func sample(_ type: ParameterType) -> JSONValue {
    switch type {
    case .uuid: .string("\(RunID.new(at: Timestamp(microseconds: 0)))")
    case .string: "text"
    case .choice(let words): .string(words[0])
    case .integer(let range): .int(range.lowerBound)
    case .number(let range): .double(range.lowerBound)
    case .boolean: true
    case .object: [:]
    case .array(let element, let range): .array(Array(repeating: sample(element), count: range.lowerBound))
    }
}
