import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Searching runs")
struct RunSearchTests {
    private func ids(_ runtime: TestRuntime, _ key: String, _ search: JSONObject) async throws -> [String] {
        try await runtime.call("runs_search", key: key, search).arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
    }

    @Test(
        "finds runs by words of input, output and error, before and after they are indexed, and never another workspace's"
    )
    func words() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            let agent = try await store.agent("one") { $0.tags = ["billing"] }
            let other = try await store.agent("two")
            func run(_ agent: Agent, _ input: String, _ ending: RunEnding?) async throws -> String {
                let id = try await store.runs.start(
                    .init(
                        id: .new(at: store.clock.wall.now()), workspaceKey: agent.workspaceKey, agentKey: agent.key,
                        trigger: .sdk, hosted: false, input: Array(input.utf8), startedAt: store.clock.wall.now()))
                if let ending {
                    try await store.runs.end(try await store.runs.ref(id, workspace: agent.workspaceKey), ending)
                }
                return "\(id)"
            }
            let refund = try await run(
                agent, #"{"message":"Refund order 17, Übermut"}"#,
                .completed(output: Array(#"{"text":"done quickly"}"#.utf8), usage: GivenUsage()))
            let failed = try await run(agent, #"{"message":"order 18"}"#, .failed(message: "disk full", detail: nil))
            let open = try await run(other, #"{"message":"order 19 waits"}"#, nil)

            for isIndexed in [false, true] {
                if isIndexed { while try await store.searchIndexer.step() {} }
                #expect(try await ids(runtime, key, ["query": "ORDER"]) == [open, failed, refund], "\(isIndexed)")
                #expect(try await ids(runtime, key, ["query": "refund quickly"]) == [refund])
                #expect(try await ids(runtime, key, ["query": "\"order 17\""]) == [refund])
                #expect(try await ids(runtime, key, ["query": "\"17 order\""]) == [])
                #expect(try await ids(runtime, key, ["query": "disk", "status": "failed"]) == [failed])
                #expect(try await ids(runtime, key, ["query": "disk", "status": "completed"]) == [])
                #expect(try await ids(runtime, key, ["status": "running"]) == [open])
                #expect(try await ids(runtime, key, ["tag": "billing"]) == [failed, refund])
                #expect(try await ids(runtime, key, ["tag": "none"]) == [])
                #expect(try await ids(runtime, key, ["agent_id": .string("\(other.id)")]) == [open])
                #expect(try await ids(runtime, key, ["until": "2001-01-01T00:00:00Z"]) == [])
                #expect(try await ids(runtime, key, ["since": "2001-01-01T00:00:00Z", "query": "order"]).count == 3)
                #expect(try await ids(runtime, key, ["min_cost_usd": 1]) == [])
            }
            let (first, cursor) = try await runtime.result("runs_search", key: key, ["query": "order", "limit": 2])
            #expect(first.arrayValue?.count == 2)
            let rest = try await ids(
                runtime, key, ["query": "order", "limit": 2, "cursor": .string(try #require(cursor))])
            #expect(rest == [refund])

            let owner = try await store.key(user: store.owner)
            let made = try await runtime.call("workspaces_create", key: owner, ["name": "Elsewhere"])
            let slug = try #require(made["slug"]?.stringValue)
            let elsewhere = try #require(try await store.workspaces.workspace(named: slug))
            let stranger = try await store.key(workspace: elsewhere.ref.key)
            #expect(try await ids(runtime, stranger, ["query": "order"]) == [])
            let odd = try await refusal { try await runtime.call("runs_search", key: key, ["query": "!!"]) }
            #expect(odd?.details.first?.path == "query")
        }
    }

    @Test("an external id and the beginning of a word find a run, before and after it is indexed")
    func beginnings() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            let agent = try await store.agent("one")
            let ended = try await store.run(of: agent, externalID: "order-4711")
            try await store.runs.end(ended, .failed(message: "Refused by the bank", detail: nil))
            let other = try await store.run(of: agent, externalID: "order-4712")
            try await store.runs.end(other, .completed(output: nil, usage: GivenUsage()))
            for isIndexed in [false, true] {
                if isIndexed { while try await store.searchIndexer.step() {} }
                #expect(try await ids(runtime, key, ["query": "4711"]) == ["\(ended.id)"], "\(isIndexed)")
                #expect(try await ids(runtime, key, ["query": "\"order 4712\""]) == ["\(other.id)"])
                #expect(try await ids(runtime, key, ["query": "refu* bank"]) == ["\(ended.id)"])
                #expect(try await ids(runtime, key, ["query": "\"by the ban\"*"]) == ["\(ended.id)"])
                #expect(try await ids(runtime, key, ["query": "refu"]) == [])
                #expect(try await ids(runtime, key, ["query": "efused"]) == [])
                #expect(try await ids(runtime, key, ["query": "order*"]).count == 2)
            }
            let short = try await refusal { try await runtime.call("runs_search", key: key, ["query": "re*"]) }
            #expect(short?.details.first?.path == "query")
        }
    }

    @Test("a time is found however many newer runs there are, of the same day too")
    func manyNewerRuns() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key()
            let agent = try await store.agent("one")
            let old = try await store.run(of: agent)
            try await store.runs.end(old, .completed(output: nil, usage: GivenUsage()))
            store.clock.advance(bySeconds: 3600)
            let until = JSONValue.string(store.clock.now.iso8601)
            store.clock.advance(bySeconds: 3600)
            let now = store.clock.now
            try await store.committer.write { connection in
                for _ in 0..<21_000 {
                    try connection.run(
                        """
                        INSERT INTO runs (id, workspace_key, agent_key, status, trigger_type, hosted, is_test, started_at,
                          completed_at, input) VALUES ($1, $2, $3, 'completed', 'sdk', 0, 0, $4, $4, '{}')
                        """, [.id(RunID.new(at: now)), .int(agent.workspaceKey), .int(agent.key), .time(now)])
                }
                try connection.run(
                    "INSERT INTO search_queue (run_key) SELECT key FROM runs WHERE key > $1", [.int(old.key)])
            }
            while try await store.searchIndexer.step() {}
            #expect(try await ids(runtime, key, ["until": until]) == ["\(old.id)"])
            let (newest, cursor) = try await runtime.result("runs_search", key: key, ["since": until, "limit": 3])
            #expect(newest.arrayValue?.count == 3 && cursor != nil)
            let span: JSONObject = ["since": until, "until": until]
            #expect(try await ids(runtime, key, span) == [])
            store.clock.advance(bySeconds: 40 * 86_400)
            #expect(try await ids(runtime, key, ["until": until]) == ["\(old.id)"])
        }
    }
}
