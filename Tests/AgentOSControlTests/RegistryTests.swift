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
            for (name, needed) in access {
                // A body that cannot be read: whoever gets past the checks of key and role is told about it.
                func code(_ key: String) async throws -> ErrorCode? {
                    let principal = try #require(try await store.keys.principal(of: key))
                    return try await refusal {
                        try await runtime.registry.call(name, by: principal) {
                            throw AgentOSError.invalid("body", "must be a JSON object")
                        }
                    }?.code
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

    @Test("a member of another name is passed over, but not one that would be taken for a change")
    func unknownMembers() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let odd: JSONObject = ["name": "A", "system_prompt": "x", "no_such_parameter": "hush-hush"]
            let made = try await runtime.call("agents_create", key: key, odd)
            let agent = try #require(made["id"])
            #expect(try await !runtime.call("audit_list", key: key).text.contains("hush-hush"))
            let rule = try await runtime.call(
                "alerts_create", key: key,
                [
                    "name": "a", "condition_type": "run_failed", "channels": ["email"],
                    "notification_config": ["email": "a@example.org"],
                ])
            let id = try #require(rule["id"])
            for (name, value) in [("condition_type", "no_runs" as JSONValue), ("agent_id", agent)] {
                let refused = try await refusal {
                    try await runtime.call("alerts_update", key: key, ["alert_id": id, name: value])
                }
                #expect(refused?.details.first?.path == name)
            }
            let run = try #require(try await runtime.call("runs_invoke", key: key, ["agent_id": agent])["run_id"])
            let inside = try await refusal {
                try await runtime.call(
                    "runs_replay", key: key, ["run_id": run, "overrides": ["no_such_override": 1]])
            }
            #expect(inside?.details.first?.path == "overrides.no_such_override")
            for operation in runtime.registry.operations {
                let schema = operation.parameters.schema()
                #expect(schema["additionalProperties"] == nil, "\(operation.name)")
            }
        }
    }

    @Test("a person without a workspace is told so, and one with several has to name one")
    func workspaceOfAPerson() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let now = store.clock.now
            let user = try await store.committer.write { connection in
                try WorkspaceStore.insertUser(
                    email: "nobody@example.org", name: nil, passwordHash: "none", now: now, connection)
            }
            let key = try await store.key(user: user)
            let without = try await refusal { try await runtime.call("agents_list", key: key) }
            #expect(without?.code == .forbidden && without?.message.contains("no workspace") == true)
            #expect(try await runtime.call("workspaces_list", key: key) == [])
        }
    }

    @Test("a missing, repeated or ill-typed parameter is refused by its name")
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

    @Test("null clears what can be empty, and is refused by name for what cannot")
    func clearing() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let agent = try #require(
                try await runtime.call("agents_create", key: key, ["name": "A", "system_prompt": "x"])["id"])
            func rule(_ type: String, _ config: JSONObject = [:]) async throws -> JSONValue {
                try #require(
                    try await runtime.call(
                        "alerts_create", key: key,
                        [
                            "name": "a", "condition_type": .string(type), "channels": ["email"],
                            "condition_config": .object(config), "notification_config": ["email": "a@example.org"],
                        ])["id"])
            }
            let silent = try await rule("no_runs", ["window_minutes": 5])
            let slow = try await rule("run_duration_exceeded", ["threshold_ms": 5])
            _ = try await runtime.call("schedules_upsert", key: key, ["agent_id": agent, "frequency": "daily"])
            let calls: [(String, JSONObject, [String])] = [
                ("agents_update", ["agent_id": agent], ["name", "system_prompt"]),
                ("alerts_update", ["alert_id": silent], ["name", "channels", "notification_config", "active"]),
                ("alerts_update", ["alert_id": slow], ["condition_config"]),
                ("schedules_upsert", ["agent_id": agent], ["frequency"]),
            ]
            for (operation, fixed, names) in calls {
                for name in names {
                    var call = fixed
                    call[name] = .null
                    let given = call
                    let error = try await refusal { try await runtime.call(operation, key: key, given) }
                    #expect(error?.details.first?.path == name, "\(operation).\(name)")
                    #expect(error?.message.contains("cannot be cleared") == true, "\(operation).\(name)")
                }
            }
            let cleared = try await runtime.call(
                "alerts_update", key: key, ["alert_id": silent, "condition_config": .null])
            #expect(cleared["alert"]?["condition_config"]?["window_minutes"] == 60)
        }
    }

    @Test("a page begins where the one before it ended, also when that row is gone or has moved")
    func movedRows() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            func names(_ page: JSONValue, _ member: String = "name") -> [String] {
                page.arrayValue?.compactMap { $0[member]?.stringValue } ?? []
            }
            for name in ["a", "b", "c", "d"] {
                _ = try await runtime.call("folders_create", key: key, ["name": .string(name)])
            }
            let (first, cursor) = try await runtime.result("folders_list", key: key, ["limit": 2])
            #expect(names(first) == ["a", "b"])
            let last = try #require(first.arrayValue?.last?["id"])
            _ = try await runtime.call("folders_delete", key: key, ["folder_id": last])
            let rest = try await runtime.call("folders_list", key: key, ["cursor": .optional(cursor)])
            #expect(names(rest) == ["c", "d"])

            let agent = try #require(
                try await runtime.call(
                    "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])["id"])
            var sessions: [JSONValue] = []
            for _ in 0..<3 {
                store.clock.advance(bySeconds: 1)
                let run = try await runtime.call("runs_invoke", key: key, ["agent_id": agent, "start_session": true])
                sessions.append(try #require(run["session_id"]))
            }
            let (newest, after) = try await runtime.result("conversations_list", key: key, ["limit": 2])
            #expect(newest.arrayValue?.compactMap { $0["id"] } == [sessions[2], sessions[1]])
            // The last one shown becomes the first.
            store.clock.advance(bySeconds: 1)
            _ = try await runtime.call("runs_invoke", key: key, ["agent_id": agent, "session_id": sessions[1]])
            let older = try await runtime.call("conversations_list", key: key, ["cursor": .optional(after)])
            #expect(older.arrayValue?.compactMap { $0["id"] } == [sessions[0]])
        }
    }

    @Test("every list takes limit and cursor, and refuses what is no cursor of its own")
    func everyListPages() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key(user: runtime.store.owner)
            for name in ["t1", "t2", "t3"] {
                _ = try await runtime.call(
                    "tools_create_workspace", key: key,
                    ["name": .string(name), "method": "GET", "url": "https://1.1.1.1/"])
                _ = try await runtime.call("keys_create_user", key: key, ["name": .string(name)])
                _ = try await runtime.store.agent(name)
            }
            var paged = Set<String>()
            for operation in runtime.registry.operations where operation.isReadOnly {
                guard case .array = operation.result else { continue }
                let names = operation.parameters.parameters.map(\.name)
                #expect(names.contains("limit") && names.contains("cursor"), "\(operation.name)")
                guard !operation.parameters.parameters.contains(where: \.isRequired) else { continue }
                for odd in ["nonsense", "W10", "WyJ4Iiwxd", "🙂"] {
                    let error = try await refusal {
                        try await runtime.call(operation.name, key: key, ["cursor": .string(odd)])
                    }
                    #expect(error?.details.first?.path == "cursor", "\(operation.name) \(odd)")
                }
                let whole = try await runtime.call(operation.name, key: key, ["limit": 100])
                var (pages, cursor): ([JSONValue], String?) = ([], nil)
                repeat {
                    let (page, next) = try await runtime.result(
                        operation.name, key: key, ["limit": 1, "cursor": .optional(cursor)])
                    pages += page.arrayValue ?? []
                    cursor = next
                } while cursor != nil
                #expect(JSONValue.array(pages) == whole, "\(operation.name)")
                if pages.count > 1 { paged.insert(operation.name) }
            }
            #expect(
                paged.isSuperset(of: [
                    "agents_list", "tools_list_workspace", "tools_list_builtin", "keys_list_user", "providers_list",
                    "marketplace_list_templates", "fleet_health", "audit_list",
                ]))
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

    @Test("a slug made of a name ends well and gets a number when it is taken; one that is given does not")
    func slugs() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key(user: runtime.store.owner)
            func slug(_ parameters: JSONObject) async throws -> String? {
                try await runtime.call("workspaces_create", key: key, parameters)["slug"]?.stringValue
            }
            let long = String(repeating: "a", count: 59)
            #expect(try await slug(["name": .string(long + " b")]) == long)
            #expect(try await slug(["name": "Team"]) == "team")
            #expect(try await slug(["name": "Team!"]) == "team-2")
            #expect(try await slug(["name": "team"]) == "team-3")
            #expect(try await slug(["name": "¿?"]) == "workspace")
            #expect(try await slug(["name": "日本"]) == "workspace-2")
            #expect(try await slug(["name": .string(long)])?.hasPrefix("aaaa") == true)
            let taken = try await refusal { try await slug(["name": "Other", "slug": "team"]) }
            #expect(taken?.code == .conflict)
            let odd = try await refusal { try await slug(["name": "0198c0de-0000-7000-8000-000000000001"]) }
            #expect(odd?.details.first?.path == "name")
            let bad = try await refusal { try await slug(["name": "Other", "slug": "-x"]) }
            #expect(bad?.details.first?.path == "slug")
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
