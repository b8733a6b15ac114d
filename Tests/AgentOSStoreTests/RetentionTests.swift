import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Retention and deletion")
struct RetentionTests {
    private func ended(_ store: TestStore, _ agent: Agent, events: Int = 3) async throws -> RunRef {
        let run = try await store.run(of: agent)
        for number in 0..<events {
            var batch = EventBatch()
            batch.append(event: Array(#"{"type":"log","payload":{"n":\#(number)}}"#.utf8), occurredAt: store.clock.now)
            _ = try await store.log.append(batch, toRun: run.key)
        }
        try await store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
        return run
    }

    @Test("every table belongs somewhere, so that deletion forgets none")
    func complete() async throws {
        try await withStore { store in
            let tables = try await store.database.read { connection in
                try connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'") { try $0.requiredText(0) }
            }
            let known = Set(
                DataMap.ofRuns + DataMap.ofAgents + DataMap.ofWorkspaces + DataMap.inSlices + DataMap.ofServer)
            #expect(Set(tables.filter { !$0.hasPrefix("run_search") && !$0.hasPrefix("sqlite_") }) == known)
        }
    }

    @Test("no table gives a key out twice")
    func lastingKeys() async throws {
        try await withStore { store in
            let tables = try await store.database.read { connection in
                try connection.rows(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE '%key INTEGER%'"
                ) {
                    (name: try $0.requiredText(0), sql: try $0.requiredText(1))
                }
            }
            let keyed = tables.filter { table in
                [" key INTEGER PRIMARY KEY", "(key INTEGER PRIMARY KEY"].contains(where: table.sql.contains)
            }
            #expect(keyed.count > 20)
            #expect(keyed.filter { !$0.sql.contains("key INTEGER PRIMARY KEY AUTOINCREMENT") }.map(\.name) == [])
        }
    }

    @Test("what is older than its days goes, the rest stays, and figures by day are kept")
    func sweep() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            let old = try await ended(store, agent)
            let open = try await store.run(of: agent)
            store.clock.advance(bySeconds: 3 * 86400)
            let middle = try await ended(store, agent)
            store.clock.advance(bySeconds: 2 * 86400)
            let new = try await ended(store, agent)
            let place = store.workspace.ref.key
            let days = try await store.count("agent_days")
            _ = try await store.retention.update(workspace: place) { $0 = .init(eventDays: 1, runDays: 4) }
            let swept = try await store.retention.sweep(workspace: place)
            #expect(swept.runs == 1 && swept.runsWithoutEvents == 1)
            let left = try await store.runs.list(workspace: place, RunFilter()).items.map(\.id)
            #expect(Set(left) == [open.id, middle.id, new.id] && !left.contains(old.id))
            #expect(try await store.events(middle).isEmpty)
            #expect(try await store.events(new).count == 3)
            #expect(try await store.runs.detail(middle.id, workspace: place).summary.eventCount == 3)
            #expect(try await store.retention.sweep(workspace: place) == .init())
            try await store.committer.write { try RollupKeeper.rebuild($0) }
            #expect(try await store.count("agent_days") == days)
        }
    }

    @Test("what is gone is not found any more, and nothing takes its place")
    func keys() async throws {
        try await withStore { store in
            let place = store.workspace.ref.key
            let (agent, other) = (try await store.agent("A"), try await store.agent("B"))
            let gone = try await ended(store, agent)
            _ = try await store.runs.ref(gone.id, workspace: place)
            let ofOther = try await ended(store, other)
            store.clock.advance(bySeconds: 3 * 86400)
            _ = try await store.retention.update(workspace: place) { $0 = .init(runDays: 1) }
            #expect(try await store.retention.sweep(workspace: place).runs == 2)
            await #expect(throws: AgentOSError.notFound("run")) {
                try await store.runs.ref(gone.id, workspace: place)
            }
            _ = try await store.agents.delete(other.id, workspace: place)
            while try await store.purge.step() {}
            let (newAgent, newRun) = (try await store.agent("C"), try await store.run(of: agent))
            #expect(newAgent.key > other.key && newRun.key > ofOther.key)
        }
    }

    @Test("a log of many chunks goes in slices, and a late event of a swept run still gets the next number")
    func slices() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            let run = try await ended(store, agent, events: 450)
            _ = try await store.run(of: agent)
            store.clock.advance(bySeconds: 2 * 86400)
            let place = store.workspace.ref.key
            _ = try await store.retention.update(workspace: place) { $0 = .init(eventDays: 1) }
            #expect(try await store.retention.sweep(workspace: place).runsWithoutEvents == 1)
            #expect(try await store.count("event_chunks") == 0)
            var batch = EventBatch()
            batch.append(event: Array(#"{"type":"late"}"#.utf8), occurredAt: store.clock.now)
            #expect(try await store.log.append(batch, toRun: run.key).last == 451)
        }
    }

    @Test("a deleted workspace is gone at once, its rows follow, and its neighbour keeps every one")
    func workspace() async throws {
        try await withStore { store in
            let other = try await store.workspaces.create(name: "Other", slug: "other", owner: store.owner)
            let agent = try await store.agent("kept")
            let kept = try await ended(store, agent)
            let gone = try await store.agent("gone", in: other.ref)
            _ = try await ended(store, gone, events: 300)
            let key = try await store.key(workspace: other.ref.key)
            _ = try await store.workspaces.delete(other.ref)
            #expect(try await store.workspaces.workspace(named: "other") == nil)
            store.keys.forgetAll()
            #expect(try await store.keys.principal(of: key) == nil)
            while try await store.purge.step() {}
            for table in DataMap.ofWorkspaces + ["agents", "runs", "conversations"] {
                let rows = try await store.count("\(table) WHERE workspace_key = \(other.ref.key)")
                #expect(rows == 0, "\(table)")
            }
            #expect(try await store.events(kept).count == 3)
            #expect(try await store.count("runs") == 1)
            #expect(try await store.count("workspaces") == 1)
            _ = try await store.workspaces.create(name: "Again", slug: "other", owner: store.owner)
        }
    }
}
