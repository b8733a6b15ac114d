import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

extension TestRuntime {
    /// Calls an operation with a key, as the edge does.
    func call(_ name: String, key: String, _ parameters: JSONObject = [:]) async throws -> JSONValue {
        try await result(name, key: key, parameters).0
    }

    func result(_ name: String, key: String, _ parameters: JSONObject = [:]) async throws -> (JSONValue, String?) {
        let principal = try #require(try await store.keys.principal(of: key))
        let result = try await registry.call(name, by: principal) { parameters }
        return (try JSONParser.parse(result.data), result.nextCursor)
    }
}

/// For whom each operation is. A new operation must be entered here.
private let access: [String: String] = [
    "agents_list": "viewer", "agents_get": "viewer", "agents_create": "member", "agents_update": "member",
    "agents_set_status": "member", "agents_delete": "admin", "api_keys_list": "admin", "api_keys_create": "admin",
    "api_keys_revoke": "admin", "runs_list": "viewer", "runs_get": "viewer", "runs_get_events": "viewer",
    "runs_invoke": "member", "runs_cancel": "member", "runs_replay": "member",
    "approvals_list": "viewer", "approvals_decide": "member", "tools_create_workspace": "admin",
    "tools_list_workspace": "viewer", "tools_delete_workspace": "admin", "tools_list_composio": "viewer",
    "resources_list": "viewer", "resources_create": "member", "resources_delete": "member", "budgets_set": "admin",
    "budgets_get": "viewer", "mcp_servers_create": "admin",
    "mcp_servers_list": "viewer", "mcp_servers_refresh": "admin", "mcp_servers_delete": "admin",
    "budgets_list": "viewer", "conversations_list": "viewer", "conversations_get": "viewer",
    "conversations_delete": "member", "workspaces_list": "anybody", "workspaces_create": "person",
    "workspaces_delete": "person owner",
    "retention_get": "viewer", "retention_set": "admin",
    "tools_list_builtin": "viewer", "providers_set": "person admin", "providers_list": "admin",
    "providers_delete": "person admin",
    "folders_list": "viewer", "folders_create": "member", "folders_delete": "member", "members_list": "viewer",
    "members_invite": "admin", "members_remove": "admin", "notifications_list": "viewer",
    "notifications_mark_read": "viewer", "fleet_health": "viewer", "alerts_list": "viewer",
    "alerts_create": "member", "alerts_update": "member", "alerts_delete": "member", "alerts_test": "member",
    "webhooks_list": "viewer", "webhooks_create": "admin", "webhooks_update": "admin", "webhooks_delete": "admin",
    "webhooks_deliveries": "viewer", "webhooks_redeliver": "member", "webhooks_test": "member",
    "evals_list_cases": "viewer",
    "evals_create_case": "member", "evals_create_from_run": "member", "evals_delete_case": "member",
    "evals_run_case": "member", "evals_run_suite": "member", "evals_get_suite": "viewer",
    "evals_compare": "viewer", "evals_get_run": "viewer", "reports_list": "viewer", "reports_get": "viewer",
    "reports_generate": "member", "reports_delete": "admin",
    "reports_schedule_set": "admin", "reports_schedule_get": "viewer", "reports_schedule_delete": "admin",
    "marketplace_list_templates": "viewer",
    "marketplace_install_template": "admin", "integrations_list": "viewer", "schedules_get": "viewer",
    "schedules_upsert": "member", "schedules_delete": "member", "usage_summary": "viewer",
    "agents_versions": "viewer", "agents_version_get": "viewer", "agents_diff": "viewer", "agents_rollback": "member",
    "jobs_list": "admin", "jobs_retry": "admin", "audit_list": "admin", "runs_search": "viewer",
    "keys_create_workspace": "person admin",
    "keys_create_user": "person", "keys_list_user": "person", "keys_revoke_user": "person",
]

@Suite("The operation registry")
struct RegistryTests {
    @Test("every operation is classified, and each role and kind of key gets as far as its class says")
    func roles() async throws {
        try await withRuntime { runtime in
            #expect(Set(runtime.registry.operations.map(\.name)) == Set(access.keys))
            let store = runtime.store
            let agent = try await store.agent()
            let agentKey = try await store.key(agent: agent)
            let workspaceKey = try await store.key()
            var people: [(role: Role, key: String)] = []
            for role in Role.allCases { people.append((role, try await store.key(user: try await store.member(role)))) }
            // A parameter that no operation has: whoever gets past the checks of key and role is told about it.
            let odd: JSONObject = ["no_such_parameter": 1]
            for (name, needed) in access {
                func code(_ key: String) async throws -> ErrorCode? {
                    try await refusal { try await runtime.call(name, key: key, odd) }?.code
                }
                #expect(try await code(agentKey) == .forbidden, "\(name) by an agent key")
                let workspaceMay = !needed.hasPrefix("person")
                #expect(
                    try await code(workspaceKey) == (workspaceMay ? .validation : .forbidden),
                    "\(name) by a workspace key")
                let word = needed.split(separator: " ").last.map(String.init) ?? ""
                let least = Role(word: word) ?? .viewer
                for (role, key) in people {
                    #expect(
                        try await code(key) == (role >= least ? .validation : .forbidden), "\(name) by \(role.word)")
                }
            }
        }
    }

    @Test("an unknown, missing, repeated or ill-typed parameter is refused by its name")
    func parameters() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            for operation in runtime.registry.operations {
                guard access[operation.name]?.hasPrefix("person") == false else { continue }
                for parameter in operation.parameters.parameters {
                    var good = JSONObject()
                    for other in operation.parameters.parameters where other.isRequired {
                        good[other.name] = sample(other.type)
                    }
                    var bad = good
                    bad[parameter.name] = wrong(parameter.type)
                    let error = try await refusal { try await runtime.call(operation.name, key: key, bad) }
                    #expect(
                        error?.code == .validation && error?.message.contains(parameter.name) == true,
                        "\(operation.name).\(parameter.name)")
                    guard parameter.isRequired else { continue }
                    good[parameter.name] = nil
                    let missing = try await refusal { try await runtime.call(operation.name, key: key, good) }
                    #expect(
                        missing?.details.first?.path == parameter.name, "\(operation.name) without \(parameter.name)")
                    good[parameter.name] = .null
                    let null = try await refusal { try await runtime.call(operation.name, key: key, good) }
                    #expect(
                        null?.details.first?.path == parameter.name, "\(operation.name) with \(parameter.name) null")
                }
            }
        }
    }

    private func wrong(_ type: ParameterType) -> JSONValue {
        switch type {
        case .uuid: "not-a-uuid"
        case .string, .choice: 5
        case .integer, .number: "5"
        case .boolean: "yes"
        case .object: []
        case .array: [:]
        }
    }

    @Test("an agent is created with its defaults, changed by what is given, and null clears")
    func agents() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let made = try await runtime.call(
                "agents_create", key: key, ["name": "A", "system_prompt": "x", "role": "r"])
            let id = try #require(made["agent_id"])
            var agent = try await runtime.call("agents_get", key: key, ["agent_id": id])
            #expect(agent["max_tokens"] == 4096 && agent["max_iterations"] == 10 && agent["provider_type"] == "demo")
            _ = try await runtime.call(
                "agents_update", key: key, ["agent_id": id, "temperature": .double(0.5), "role": .null])
            agent = try await runtime.call("agents_get", key: key, ["agent_id": id])
            #expect(agent["temperature"]?.doubleValue == 0.5 && agent["role"] == .null && agent["name"] == "A")
            let tools = try await refusal {
                try await runtime.call("agents_update", key: key, ["agent_id": id, "tools": ["nope"]])
            }
            #expect(tools?.details.first?.path == "tools[0]")
        }
    }

    @Test("cursors lead through a list without loss or repeat")
    func cursors() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            for number in 0..<23 { _ = try await runtime.store.agent("a\(number)") }
            var names: [String] = []
            var cursor: String?
            repeat {
                var parameters: JSONObject = ["limit": 10]
                if let cursor { parameters["cursor"] = .string(cursor) }
                let (page, next) = try await runtime.result("agents_list", key: key, parameters)
                names += (page.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
                cursor = next
            } while cursor != nil
            #expect(names == (0..<23).reversed().map { "a\($0)" })
        }
    }

    @Test("a stored provider key is never shown, and its base URL passes the guard")
    func providers() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key(user: runtime.store.owner)
            let set: JSONObject = ["provider_type": "openai", "api_key": "sk-hidden-0123456789"]
            let answer = try await runtime.call("providers_set", key: key, set)
            let list = try await runtime.call("providers_list", key: key)
            #expect(!(answer.text + list.text).contains("hidden"))
            #expect(list.arrayValue?.first { $0["id"] == "openai" }?["source"] == "workspace")
            var inner = set
            inner["base_url"] = "http://169.254.169.254/v1"
            #expect(
                try await refusal { try await runtime.call("providers_set", key: key, inner) }?.details.first?.path
                    == "base_url")
            _ = try await runtime.call("providers_delete", key: key, ["provider_type": "openai"])
            #expect(
                try await refusal { try await runtime.call("providers_delete", key: key, ["provider_type": "openai"]) }?
                    .code == .notFound)
        }
    }

    @Test("another workspace's objects do not exist")
    func otherWorkspace() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let other = try await runtime.call("workspaces_create", key: owner, ["name": "Other Team"])
            #expect(other["slug"] == "other-team")
            let made = try await runtime.call(
                "agents_create", key: owner, ["name": "F", "system_prompt": "x", "workspace": "other-team"])
            let id = try #require(made["agent_id"])
            let mine = try await runtime.store.key()
            #expect(
                try await refusal { try await runtime.call("agents_get", key: mine, ["agent_id": id]) }?.code
                    == .notFound)
            #expect(
                try await refusal { try await runtime.call("agents_list", key: mine, ["workspace": "other-team"]) }?
                    .code == .forbidden)
            #expect(
                try await refusal { try await runtime.call("agents_list", key: owner) }?.details.first?.path
                    == "workspace")
        }
    }
}
