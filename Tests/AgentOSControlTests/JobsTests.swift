import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Jobs seen by people")
struct JobsTests {
    @Test("a job is seen by the admins of its workspace alone, and tried again by them")
    func seen() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let owner = try await runtime.store.key(user: runtime.store.owner)
            let made = try await runtime.call("workspaces_create", key: owner, ["name": "Elsewhere"])
            let slug = try #require(made["slug"]?.stringValue)
            let elsewhere = try #require(try await runtime.store.workspaces.workspace(named: slug))
            let stranger = try await runtime.store.key(workspace: elsewhere.ref.key)
            let agent = try await runtime.call(
                "agents_create", key: key, ["name": "Daily", "system_prompt": "x", "provider_type": "demo"])
            _ = try await runtime.call(
                "schedules_upsert", key: key, ["agent_id": try #require(agent["id"]), "frequency": "daily"])
            let kind = JSONValue.string(ScheduleStore.fireJob)
            let jobs = try await runtime.call("jobs_list", key: key, ["kind": kind])
            #expect(jobs.arrayValue?.map { $0["state"] } == ["scheduled"])
            let id = try #require(jobs.arrayValue?.first?["id"])
            #expect(try await runtime.call("jobs_list", key: key, ["state": "parked"]).arrayValue == [])
            #expect(try await runtime.call("jobs_list", key: stranger).arrayValue == [])
            let refused = try await refusal { try await runtime.call("jobs_retry", key: stranger, ["job_id": id]) }
            #expect(refused?.code == .notFound)
            _ = try await runtime.call("jobs_retry", key: key, ["job_id": id])
            let after = try await runtime.call("jobs_list", key: key, ["kind": kind]).arrayValue ?? []
            #expect(after.allSatisfy { $0["id"] != id || $0["state"] != "scheduled" })
        }
    }
}
