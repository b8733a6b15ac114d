import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Schedules")
struct ScheduleTests {
    @Test("on a nearly full disk nothing new begins, whoever asks; a due schedule waits until there is room")
    func fullDisk() async throws {
        try await withStore { store in
            let key = try await store.key()
            let run = try await withRuntime(on: store) { runtime in
                let made = try await runtime.call(
                    "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])
                let agent = try #require(made["id"])
                _ = try await runtime.call("resources_create", key: key, ["filename": "old.txt", "content": "old"])
                let item = try await runtime.call(
                    "evals_create_case", key: key,
                    [
                        "agent_id": agent, "name": "case", "input": ["message": "x"],
                        "assertions": [["type": "no_error"]],
                    ])
                let ended = try await runtime.call(
                    "runs_invoke", key: key, ["agent_id": agent, "input": ["message": "x"]])
                let due = try await runtime.call(
                    "schedules_upsert", key: key, ["agent_id": agent, "frequency": "daily"])
                return (
                    agent: agent, id: try #require(ended["run_id"]), item: try #require(item["id"]),
                    due: try #require(due["next_run_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) })
                )
            }
            store.clock.advance(bySeconds: Double(run.due.microseconds - store.clock.now.microseconds) / 1e6)
            try await withRuntime(minimumFreeBytes: .max, on: store) { runtime in
                let calls: [(String, JSONObject)] = [
                    ("runs_invoke", ["agent_id": run.agent, "input": ["message": "x"]]),
                    ("runs_replay", ["run_id": run.id]), ("evals_run_case", ["eval_case_id": run.item]),
                    ("evals_run_suite", ["agent_id": run.agent]),
                    ("resources_create", ["filename": "new.txt", "content": "new"]),
                ]
                for (name, parameters) in calls {
                    let error = try await refusal { try await runtime.call(name, key: key, parameters) }
                    #expect(error?.code == .unavailable, "\(name)")
                    #expect(error?.retryAfter == 30, "\(name)")
                }
                _ = try await runtime.call("resources_delete", key: key, ["filename": "old.txt"])
                try await eventually("a try to fire the schedule") {
                    try await store.count("jobs WHERE last_error LIKE '%nearly full%'") == 1
                }
                #expect(try await store.count("runs") == 1)
            }
            store.clock.advance(bySeconds: 60)
            try await withRuntime(on: store) { _ in
                try await eventually("the scheduled run") { try await store.count("runs") == 2 }
            }
        }
    }

    @Test("a run that cannot start is told once, and the next time is tried")
    func refused() async throws {
        try await withRuntime { runtime in
            let (store, key) = (runtime.store, try await runtime.store.key())
            let made = try await runtime.call(
                "agents_create", key: key,
                [
                    "name": "A", "system_prompt": "x", "provider_type": "demo",
                    "input_schema": ["type": "object", "required": ["order"]],
                ])
            let id = try #require(made["id"])
            let set = try await runtime.call(
                "schedules_upsert", key: key, ["agent_id": id, "frequency": "daily", "timezone": "Japan"])
            let first = try #require(set["next_run_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) })
            let agent = try #require(id.stringValue.flatMap { AgentID($0) })
            let agentKey = try await store.agents.agent(agent, workspace: store.workspace.ref.key).key
            let before = try #require(try await store.schedules.schedule(ofAgent: agentKey))
            func told() async throws -> Int {
                try await runtime.call("notifications_list", key: key).arrayValue?.count {
                    $0["title"] == "A scheduled run of A could not start"
                } ?? 0
            }
            store.clock.advance(bySeconds: Double(first.microseconds - store.clock.now.microseconds) / 1e6)
            store.queue.wake()
            try await eventually("the members are told") { try await told() == 1 }
            // A worker that comes again to the same time has nothing to tell.
            try await store.schedules.settle(before, due: first, .refused(agentName: "A", reason: "again"))
            #expect(try await told() == 1)
            let after = try await runtime.call("schedules_get", key: key, ["agent_id": id])
            #expect(after["next_run_at"]?.stringValue == first.advanced(bySeconds: 86_400).iso8601)
            #expect(after["last_run_at"] == .null && after["timezone"] == "Japan")
        }
    }

    @Test("an agent that takes no runs has no next one; archiving it disables its schedule for good")
    func inactive() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let made = try await runtime.call(
                "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])
            let id = try #require(made["id"])
            let set = try await runtime.call("schedules_upsert", key: key, ["agent_id": id, "frequency": "daily"])
            let first = try #require(set["next_run_at"])
            func shown(_ status: String) async throws -> JSONValue {
                _ = try await runtime.call(
                    "agents_set_status", key: key, ["agent_id": id, "status": .string(status)])
                return try await runtime.call("schedules_get", key: key, ["agent_id": id])
            }
            let paused = try await shown("paused")
            #expect(paused["next_run_at"] == .null && paused["next_runs"] == [] && paused["enabled"] == true)
            let active = try await shown("active")
            #expect(active["next_run_at"] == first && active["next_runs"]?.arrayValue?.count == 5)
            let archived = try await shown("archived")
            #expect(archived["next_run_at"] == .null && archived["enabled"] == false)
            let jobs = try await runtime.call("jobs_list", key: key, ["kind": .string(ScheduleStore.fireJob)])
            #expect(jobs.arrayValue == [])
            let again = try await shown("active")
            #expect(again["next_run_at"] == .null && again["enabled"] == false)
            let entries = try await runtime.call("audit_list", key: key, ["operation": "agents_set_status"])
            #expect(entries.arrayValue?.count == 5)
        }
    }
}
