import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Versions of agents and the audit log")
struct VersionsAndAuditTests {
    @Test(
        "each change of the configuration makes a version, nothing else does; a rollback is a new one; runs name theirs"
    )
    func versions() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key(user: runtime.store.owner)
            let made = try await runtime.call(
                "agents_create", key: key, ["name": "Helper", "system_prompt": "First.", "provider_type": "demo"])
            let agent = try #require(made["id"])
            func update(_ members: JSONObject) async throws -> Int? {
                var call = members
                call["agent_id"] = agent
                return try await runtime.call("agents_update", key: key, call)["agent"]?["version"]?.intValue
            }
            #expect(try await update(["system_prompt": "Second."]) == 2)
            #expect(try await update(["system_prompt": "Second."]) == 2)
            let folder = try #require(try await runtime.call("folders_create", key: key, ["name": "F"])["id"])
            #expect(try await update(["folder_id": folder]) == 2)
            let run = try await runtime.call("runs_invoke", key: key, ["agent_id": agent])
            let shown = try await runtime.call("runs_get", key: key, ["run_id": try #require(run["run_id"])])
            #expect(shown["agent_version"]?.intValue == 2)

            let back = try await runtime.call("agents_rollback", key: key, ["agent_id": agent, "version": 1])
            #expect(back["version"]?.intValue == 3)
            #expect(back["agent"]?["system_prompt"]?.stringValue == "First.")
            #expect(back["agent"]?["folder_id"] == folder)
            let diff = try await runtime.call(
                "agents_diff", key: key, ["agent_id": agent, "from_version": 1, "to_version": 2])
            #expect(
                diff["changes"] == [["field": "system_prompt", "before": "First.", "after": "Second."]])
            let (list, cursor) = try await runtime.result(
                "agents_versions", key: key, ["agent_id": agent, "limit": 2])
            #expect(list.arrayValue?.compactMap { $0["version"]?.intValue } == [3, 2])
            #expect(list.arrayValue?.first?["author"]?.stringValue?.contains("@") == true)
            #expect(list.arrayValue?.last?["changed"] == ["system_prompt"])
            let rest = try await runtime.call(
                "agents_versions", key: key, ["agent_id": agent, "cursor": .string(try #require(cursor))])
            #expect(rest.arrayValue?.compactMap { $0["version"]?.intValue } == [1])
            let missing = try await refusal {
                try await runtime.call("agents_rollback", key: key, ["agent_id": agent, "version": 9])
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test("a version whose tool and file are gone by now can be gone back to, and its runs do without them")
    func rollbackWithoutTool() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let tool = try await runtime.call(
                "tools_create_workspace", key: key, ["name": "t", "method": "GET", "url": "https://1.1.1.1/"])
            _ = try await runtime.call("resources_create", key: key, ["filename": "f.md", "content": "x"])
            let made = try await runtime.call(
                "agents_create", key: key,
                [
                    "name": "Helper", "system_prompt": "First.", "provider_type": "demo", "tools": ["t"],
                    "approval_tools": ["t"], "pinned_resource_ids": ["f.md"],
                ])
            let agent = try #require(made["id"])
            _ = try await runtime.call(
                "agents_update", key: key,
                ["agent_id": agent, "tools": [], "approval_tools": [], "pinned_resource_ids": []])
            _ = try await runtime.call(
                "tools_delete_workspace", key: key, ["tool_id": try #require(tool["tool_id"])])
            _ = try await runtime.call("resources_delete", key: key, ["filename": "f.md"])
            let back = try await runtime.call("agents_rollback", key: key, ["agent_id": agent, "version": 1])
            #expect(back["version"] == 3 && back["agent"]?["tools"] == ["t"])
            let run = try await runtime.call("runs_invoke", key: key, ["agent_id": agent])
            #expect(run["output"] != nil)
        }
    }

    @Test("the audit log says who did what, with before and after, and holds no secret")
    func audit() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let shared = try await runtime.store.key()
            let made = try await runtime.call(
                "agents_create", key: owner, ["name": "Helper", "system_prompt": "First.", "provider_type": "demo"])
            let agent = try #require(made["id"])
            _ = try await runtime.call("agents_update", key: shared, ["agent_id": agent, "description": "New."])
            _ = try await runtime.call(
                "tools_create_workspace", key: shared,
                ["name": "t", "method": "GET", "url": "https://1.1.1.1/", "auth_secret": "hush-hush"])
            _ = try await runtime.call(
                "providers_set", key: owner, ["provider_type": "openai", "api_key": "sk-very-secret"])
            _ = try await runtime.call("runs_invoke", key: shared, ["agent_id": agent])
            _ = try await refusal { try await runtime.call("agents_delete", key: owner, ["agent_id": "x"]) }
            _ = try await runtime.call("agents_delete", key: owner, ["agent_id": agent])
            let log = try await runtime.call("audit_list", key: owner)
            let rows = try #require(log.arrayValue)
            #expect(
                rows.compactMap { $0["operation"]?.stringValue } == [
                    "agents_delete", "providers_set", "tools_create_workspace", "agents_update", "agents_create",
                ])
            let update = try #require(rows.first { $0["operation"] == "agents_update" })
            #expect(update["actor"]?["kind"] == "workspace_key")
            #expect(update["object_type"] == "agent")
            #expect(update["object_id"] == agent)
            #expect(update["before"]?["description"] == nil)
            #expect(update["after"]?["description"] == "New.")
            #expect(rows.last?["actor"]?["email"]?.stringValue != nil)
            #expect(rows.last?["before"] == .null)
            #expect(rows.first?["after"] == .null)
            let text = log.text
            #expect(!text.contains("hush-hush"))
            #expect(!text.contains("sk-very-secret"))
            let one = try await runtime.call("audit_list", key: owner, ["object_id": agent])
            #expect(one.arrayValue?.count == 3)
        }
    }

    @Test("what changed nothing is not on record, and every change is found by its object")
    func objects() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let nobody = JSONValue.string("\(RunID.new(at: runtime.store.clock.now))")
            let vain: [(String, JSONObject)] = [
                ("api_keys_revoke", ["key_id": nobody]), ("keys_revoke_user", ["key_id": nobody]),
                ("resources_delete", ["filename": "none"]), ("reports_delete", ["report_id": nobody]),
                ("providers_delete", ["provider_type": "openai"]), ("tools_delete_workspace", ["tool_id": nobody]),
                ("conversations_delete", ["conversation_id": nobody]),
                ("notifications_mark_read", ["notification_id": nobody]),
            ]
            for (operation, parameters) in vain {
                let error = try await refusal { try await runtime.call(operation, key: owner, parameters) }
                #expect(error?.code == .notFound, "\(operation)")
            }
            #expect(try await runtime.store.count("audit_log") == 0)

            func id(_ operation: String, _ parameters: JSONObject, _ member: String = "id") async throws -> JSONValue {
                try #require(try await runtime.call(operation, key: owner, parameters)[member], "\(operation)")
            }
            let workspace = JSONValue.string("\(runtime.store.workspace.ref.id)")
            let agent = try await id("agents_create", ["name": "A", "system_prompt": "x", "provider_type": "demo"])
            let gated = try await id(
                "agents_create",
                [
                    "name": "Gated", "system_prompt": "x", "provider_type": "demo", "tools": ["current_time"],
                    "approval_tools": ["current_time"],
                ])
            let evalCase = try await id(
                "evals_create_case",
                ["agent_id": agent, "name": "c", "input": [:], "assertions": [["type": "no_error"]]])
            let session = try await id("runs_invoke", ["agent_id": agent, "start_session": true], "session_id")
            let ask: JSONObject = ["agent_id": gated, "input": ["message": "What time is it?"]]
            let run = try await id("runs_invoke", ask, "run_id")
            _ = try await runtime.call("runs_invoke", key: owner, ask)
            let pending = try await runtime.call("approvals_list", key: owner).arrayValue
            let approval = try #require(pending?.last?["id"])
            let note = try #require(try await runtime.call("notifications_list", key: owner).arrayValue?.first?["id"])
            let calls: [(String, JSONObject, JSONValue)] = [
                ("runs_cancel", ["run_id": run], run),
                ("approvals_decide", ["approval_id": approval, "decision": "rejected"], approval),
                ("conversations_delete", ["conversation_id": session], session),
                ("evals_run_case", ["eval_case_id": evalCase], evalCase),
                ("notifications_mark_read", ["notification_id": note], note),
                ("schedules_upsert", ["agent_id": agent, "frequency": "daily"], agent),
                ("schedules_delete", ["agent_id": agent], agent),
                ("budgets_set", ["agent_id": agent, "daily_usd": 1], agent),
                ("budgets_set", ["daily_usd": 1], workspace), ("retention_set", ["event_days": 9], workspace),
                ("providers_set", ["provider_type": "openai", "api_key": "sk-x"], "openai"),
                ("providers_delete", ["provider_type": "openai"], "openai"),
            ]
            for (operation, parameters, object) in calls {
                _ = try await runtime.call(operation, key: owner, parameters)
                let found = try await runtime.call(
                    "audit_list", key: owner, ["operation": .string(operation), "object_id": object])
                #expect(found.arrayValue?.count == 1, "\(operation)")
                #expect(found.arrayValue?.first?["object_type"]?.stringValue != nil, "\(operation)")
            }
            let report = try await id("reports_generate", ["type": "run_summary", "run_id": run])
            let written = try await runtime.call("audit_list", key: owner, ["object_id": report])
            #expect(written.arrayValue?.first?["operation"] == "reports_generate")
        }
    }

    @Test("a workspace key and a personal key work from the call on, and a person can revoke only their own")
    func keys() async throws {
        try await withRuntime { runtime in
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let shared = try await runtime.call("keys_create_workspace", key: owner, ["name": "App"])
            let sharedKey = try #require(shared["api_key"]?.stringValue)
            #expect(sharedKey.hasPrefix("aos_ws_"))
            _ = try await runtime.call("agents_list", key: sharedKey)
            let own = try await runtime.call("keys_create_user", key: owner, ["name": "Laptop"])
            let ownKey = try #require(own["api_key"]?.stringValue)
            let other = try await runtime.store.key(user: try await runtime.store.member(.admin))
            let foreign = try await refusal {
                try await runtime.call("keys_revoke_user", key: other, ["key_id": try #require(own["id"])])
            }
            #expect(foreign?.code == .notFound)
            _ = try await runtime.call("keys_revoke_user", key: ownKey, ["key_id": try #require(own["id"])])
            #expect(try await runtime.store.keys.principal(of: ownKey) == nil)
        }
    }
}
