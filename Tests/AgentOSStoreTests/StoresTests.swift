import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Stores")
struct StoresTests {
    @Test("a hundred simultaneous starts with one external id give one run")
    func dedupe() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            let ids = try await withThrowingTaskGroup(of: RunID.self) { group in
                for _ in 0..<100 { group.addTask { try await store.run(of: agent, externalID: "job-1").id } }
                return try await group.reduce(into: Set<RunID>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await store.count("runs") == 1)
        }
    }

    @Test("the first end of a run is final; repeating it changes nothing, another one is a conflict")
    func ends() async throws {
        try await withStore { store in
            let run = try await store.run()
            #expect(try await store.runs.end(run, .failed(message: "first", detail: nil)))
            #expect(try await store.runs.end(run, .failed(message: "second", detail: nil)) == false)
            #expect(try await refusal { try await store.runs.end(run, .cancelled(reason: nil)) }?.code == .conflict)
            #expect(try await store.runs.detail(run.id, workspace: run.workspaceKey).summary.errorMessage == "first")
        }
    }

    @Test("lists are newest first and their cursor neither loses nor repeats a run")
    func lists() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            var ids: [RunID] = []
            for _ in 0..<25 { ids.append(try await store.run(of: agent).id) }
            var (seen, place): ([RunID], ListPlace?) = ([], nil)
            repeat {
                let page = try await store.runs.list(
                    workspace: agent.workspaceKey, RunFilter(agentKey: agent.key), PageRequest(after: place, limit: 10))
                seen += page.items.map(\.id)
                place = page.end
            } while place != nil
            #expect(seen == ids.reversed())
            #expect(try await refusal { try await store.runs.ref(ids[0], workspace: 999) }?.code == .notFound)
        }
    }

    @Test("a task's terminal state is final and absent values stay")
    func tasks() async throws {
        try await withStore { store in
            let run = try await store.run()
            let id = TaskID.new(at: store.clock.now)
            func report(_ status: TaskStatus, input: String? = nil, output: String? = nil) async throws -> TaskStatus {
                try await store.tasks.report(
                    .init(
                        id: id, name: "parse", status: status, input: input.map { Array($0.utf8) },
                        output: output.map { Array($0.utf8) }, errorMessage: nil), run: run)
            }
            _ = try await report(.running, input: "1")
            _ = try await report(.completed, output: "2")
            #expect(try await report(.running) == .completed)
            #expect(try await refusal { try await report(.failed) }?.code == .conflict)
            let task = try #require(try await store.runs.detail(run.id, workspace: run.workspaceKey).tasks.first)
            #expect(task.input == Array("1".utf8) && task.output == Array("2".utf8) && task.completedAt != nil)
        }
    }

    @Test("a revoked key is unknown from the very next look-up, and use is written down without a write a request")
    func keys() async throws {
        try await withStore { store in
            let agent = try await store.agent()
            let (id, key) = try await store.keys.create(name: "k", workspace: agent.workspaceKey, agent: agent.key)
            let groups = store.committer.statistics.groups
            for _ in 0..<50 { #expect(try await store.keys.principal(of: key.text)?.keyID == id) }
            #expect(store.committer.statistics.groups == groups)
            try await store.keys.flushLastUsed()
            #expect(try await store.count("api_keys WHERE last_used_at IS NOT NULL") == 1)
            try await store.keys.revoke(id, workspace: agent.workspaceKey)
            #expect(try await store.keys.principal(of: key.text) == nil)
            #expect(try await store.count("api_keys WHERE digest = CAST('\(key.text)' AS BLOB)") == 0)
        }
    }

    @Test("an answer wakes the poll that waits, is kept for later polls, and expires with its deadline")
    func humanInput() async throws {
        try await withStore { store in
            let run = try await store.run()
            let id = try await store.humanInput.open(run: run, prompt: "Go on?", context: nil, timeoutSeconds: 60)
            #expect(try await store.count("notifications WHERE type = 'input_requested' AND body = 'Go on?'") == 1)
            let listener = store.humanInput.bell.listen(id)
            let poll = Task { await store.humanInput.bell.wait(listener, seconds: 600) }
            #expect(try await store.humanInput.answer(nil, run: run, text: "yes") == id)
            await poll.value
            #expect(try await store.humanInput.state(id, run: run) == .answered("yes"))
            #expect(
                try await refusal { try await store.humanInput.answer(id, run: run, text: "no") }?.code == .conflict)
            let late = try await store.humanInput.open(run: run, prompt: "And now?", context: nil, timeoutSeconds: 5)
            store.clock.advance(bySeconds: 6)
            #expect(try await store.humanInput.state(late, run: run) == .expired)
            try await store.runs.end(run, .cancelled(reason: nil))
            #expect(try await store.humanInput.state(id, run: run) == .answered("yes"))
            let refused = try await refusal {
                try await store.humanInput.open(run: run, prompt: "?", context: nil, timeoutSeconds: 5)
            }
            #expect(refused?.code == .conflict)
        }
    }

    @Test("a stored provider key is not in the file and opens only for its workspace and master key")
    func vault() async throws {
        try await withStore { store in
            try await store.providers.set(store.workspace.ref, .openai, apiKey: "sk-very-secret-1234", baseURL: nil)
            #expect(try await store.providers.get(store.workspace.ref, .openai)?.apiKey == "sk-very-secret-1234")
            let raw = try await store.database.read {
                try $0.row("SELECT api_key FROM provider_settings") { $0.bytes(0) }
            }
            let sealed = try #require(raw ?? nil)
            #expect(!String(decoding: sealed, as: UTF8.self).contains("secret"))
            #expect(throws: AgentOSError.self) { try store.vault.open(sealed, context: "provider:other:openai") }
            let other = try Vault(masterKey: Array(repeating: 8, count: 32))
            #expect(throws: AgentOSError.self) {
                try other.open(sealed, context: "provider:\(store.workspace.ref.id):openai")
            }
        }
    }

    @Test("a deleted agent is gone at once and its rows are removed without touching another's")
    func purge() async throws {
        try await withStore { store in
            let (doomed, kept) = (try await store.agent("doomed"), try await store.agent("kept"))
            for agent in [doomed, kept] {
                let run = try await store.run(of: agent)
                _ = try await store.log.append(.sent([point("e", at: 1)]), toRun: run.key)
                _ = try await store.keys.create(name: "k", workspace: agent.workspaceKey, agent: agent.key)
            }
            _ = try await store.agents.delete(doomed.id, workspace: doomed.workspaceKey)
            #expect(
                try await refusal { try await store.agents.agent(doomed.id, workspace: doomed.workspaceKey) }?.code
                    == .notFound)
            #expect(try await store.runs.list(workspace: kept.workspaceKey, RunFilter()).items.count == 1)
            while try await store.purge.step() {}
            for table in ["agents", "runs", "run_counters", "event_chunks", "api_keys WHERE agent_key IS NOT NULL"] {
                #expect(try await store.count(table) == 1, "\(table)")
            }
        }
    }

    @Test("a watcher that is too slow gets a gap instead of unbounded memory")
    func feed() async throws {
        let feed = LiveFeed()
        let run = RunRef(
            key: 1, id: .new(at: Timestamp(microseconds: 0)), workspaceKey: 1, agentKey: 1, hosted: false, isTest: false
        )
        let (mine, foreign) = (feed.subscribe(.init(workspaceKey: 1)), feed.subscribe(.init(workspaceKey: 2)))
        for number in 1...1500 { feed.publish(.init(run: run, first: Int64(number), count: 1)) }
        var committed = 0
        while case .committed = await mine.next(seconds: 0.001) { committed += 1 }
        #expect(committed == 1024)
        #expect(await foreign.next(seconds: 0.001) == .quiet)
    }
}
