import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Exports and imports")
struct TransferTests {
    /// The rows of a workspace's export, a line each.
    private func export(_ store: TestStore) async throws -> [ArraySlice<UInt8>] {
        let pieces = Collected<[UInt8]>()
        let exporter = WorkspaceExporter(database: store.database, workspace: store.workspace)
        try await exporter.rows(from: .init()) { pieces.add($0) }
        let mark = Array("{\"table\":".utf8)
        return pieces.all.flatMap { $0 }.split(separator: 0x0a).filter { $0.starts(with: mark) }
    }

    /// A store with one of everything that goes on by itself, and a hosted run that waits for two people.
    private func fill(_ store: TestStore) async throws -> Agent {
        let place = store.workspace.ref.key
        let agent = try await store.agent("hosted", runtime: .hosted)
        let waiting = try await store.run(of: agent)
        let (now, key) = (store.clock.now, agent.key)
        try await store.committer.write { connection in
            try connection.run(
                "UPDATE runs SET hosted = 1, status = 'awaiting_approval' WHERE key = $1", [.int(waiting.key)])
            try connection.run(
                """
                INSERT INTO approvals (id, run_key, workspace_key, agent_key, call_id, tool, input, status, created_at,
                  expires_at) VALUES ($1, $2, $3, $4, 'c', 't', '{}', 'pending', $5, $6)
                """,
                [
                    .id(ApprovalID.new(at: now)), .int(waiting.key), .int(place), .int(key), .time(now),
                    .time(now.advanced(bySeconds: 86_400)),
                ])
            try connection.run(
                """
                INSERT INTO human_requests (id, run_key, status, prompt, created_at, deadline_at)
                VALUES ($1, $2, 'pending', 'q', $3, $4)
                """,
                [
                    .id(HumanRequestID.new(at: now)), .int(waiting.key), .time(now),
                    .time(now.advanced(bySeconds: 86_400)),
                ])
        }
        _ = try await store.evals.create(agent: agent, name: "c", input: [:], assertions: [["type": "no_error"]])
        _ = try await store.evals.beginSuite(agent: agent, version: 1)
        _ = try await store.alerts.create(
            workspace: place, agent: nil, name: "silence", type: "no_runs", config: ["window_minutes": 5],
            channels: ["email"], notification: ["email": "a@example.org"])
        _ = try await store.reports.set(
            ReportSchedule(
                workspaceKey: place, frequency: "daily", dayOfWeek: nil, minute: 480, timezone: "UTC", email: nil))
        _ = try await store.retention.update(workspace: place) { $0.runDays = 9 }
        try await store.retention.sweep(workspace: place)
        return agent
    }

    @Test("what goes on by itself goes on after an import, and nobody waits for what an ended run asked")
    func aftermath() async throws {
        try await withStore { source in
            _ = try await fill(source)
            let lines = try await export(source)
            try await withStore { store in
                let importer = WorkspaceImporter(
                    stores: store.stores, target: .new(id: source.workspace.ref.id, slug: "moved", name: "Moved"))
                #expect(importer.newKey == nil)
                let outcome = try await importer.store(lines)
                // Both stores know the owner.
                #expect(outcome.known == 1 && outcome.stored == lines.count - 1 && outcome.orphans == 0)
                let key = try #require(importer.newKey)
                #expect(try await store.keys.principal(of: key)?.workspace?.id == source.workspace.ref.id)

                let moved = try #require(try await store.workspaces.workspace(named: "moved")).ref.key
                for kind in [RetentionStore.sweepJob, ReportStore.scheduledJob, AlertStore.evaluateJob] {
                    #expect(try await store.count("jobs WHERE kind = '\(kind)' AND workspace_key = \(moved)") == 1)
                }
                #expect(try await store.reports.schedule(workspace: moved)?.minute == 480)
                #expect(try await store.count("retention_settings WHERE runs_gone_until > 0") == 1)
                let tries = "eval_runs WHERE agent_version = 1 AND suite_id IS NOT NULL AND status = 'error'"
                #expect(try await store.count(tries) == 1)
                #expect(try await store.count("runs WHERE status = 'cancelled'") == 1)
                #expect(try await store.count("approvals WHERE status = 'cancelled'") == 1)
                #expect(try await store.count("human_requests WHERE status = 'cancelled'") == 1)

                let again = WorkspaceImporter(
                    stores: store.stores,
                    target: .known(try #require(try await store.workspaces.workspace(named: "moved"))))
                let second = try await again.store(lines)
                #expect(second.stored == 0 && second.known == lines.count && again.newKey == nil)
            }
        }
    }

    /// Where a deletion is done that an import comes back from.
    enum Deleted: CaseIterable {
        case agent, workspace
    }

    @Test("what was deleted a moment ago comes back with an import", arguments: Deleted.allCases)
    func afterDeletion(of deleted: Deleted) async throws {
        try await withStore { store in
            let agent = try await fill(store)
            let lines = try await export(store)
            switch deleted {
            case .agent: _ = try await store.agents.delete(agent.id, workspace: store.workspace.ref.key)
            case .workspace: _ = try await store.workspaces.delete(store.workspace.ref)
            }
            store.agents.forgetAll()
            let target = try await WorkspaceImporter.target(
                store.stores, id: store.workspace.ref.id, slug: "main", name: "Main", wanted: nil)
            let importer = WorkspaceImporter(stores: store.stores, target: target)
            try await importer.check(lines.compactMap(WorkspaceImporter.agent))
            _ = try await importer.store(lines)

            let place = try #require(try await store.workspaces.workspace(named: "main")).ref
            #expect(place.id == store.workspace.ref.id)
            #expect(try await store.agents.agent(agent.id, workspace: place.key).name == agent.name)
            // Nothing of it is taken away later.
            #expect(try await !store.purge.step())
            #expect(try await store.count("runs") == 1)
            #expect(try await store.count("eval_cases") == 1)
        }
    }

    @Test("an import that fails leaves no workspace behind")
    func failure() async throws {
        try await withStore { store in
            let agent = try await fill(store)
            let lines = try await export(store)
            func importer(_ slug: String) -> WorkspaceImporter {
                WorkspaceImporter(
                    stores: store.stores,
                    target: .new(id: WorkspaceID.new(at: store.clock.now), slug: slug, name: "Copy"))
            }
            #expect(lines.compactMap(WorkspaceImporter.agent) == [agent.id])
            #expect(try await refusal { try await importer("a").check([agent.id]) }?.code == .conflict)
            #expect(try await refusal { try await importer("b").store(lines) }?.code == .conflict)
            let odd = [ArraySlice(Array(#"{"table":"no_such_table","row":{}}"#.utf8))]
            #expect(try await refusal { try await importer("c").store(odd) }?.code == .validation)
            #expect(try await store.count("workspaces") == 1)
            _ = try await importer("d").store([])
            #expect(try await store.count("workspaces") == 2)
        }
    }
}
