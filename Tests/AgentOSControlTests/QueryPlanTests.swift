import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Synchronization
import Testing

@Suite("Query plans")
struct QueryPlanTests {
    /// What every reading operation is called with, besides the ids that are filled in: shapes that take other statements.
    private static let variants: [String: [JSONObject]] = [
        "runs_list": [
            ["status": "failed"], ["status": "cancelled"], ["status": "running"], ["status": "completed"], ["limit": 2],
        ],
        "runs_search": [
            ["query": "refund"], ["query": "a b", "status": "failed", "tag": "x"], ["since": "2026-01-01T00:00:00Z"],
            ["min_cost_usd": 1], ["max_cost_usd": 1, "until": "2040-01-01T00:00:00Z"],
        ],
        "agents_list": [["status": "active"], ["limit": 1]],
        "conversations_list": [["external_user_id": "u"]], "notifications_list": [["unread_only": true]],
        "audit_list": [["operation": "agents_create"], ["since": "2026-01-01T00:00:00Z"]],
        "fleet_health": [["days": 90]], "usage_summary": [["days": 90]], "jobs_list": [["state": "due"]],
    ]

    /// Reading through an index that holds but a few of the rows is no full scan.
    private static let partial = ["runs_open", "runs_executed", "runs_by_parent", "runs_by_origin", "runs_unusual"]

    @Test("no operation, no start, end or event of a run reads all runs or all chunks, nor sorts all of a workspace")
    func plans() async throws {
        try await withTemporaryFolder { folder in
            let seen = Mutex<Set<String>>([])
            let store = try await TestStore(path: folder + "/store.db", clock: ManualClock()) { sql in
                seen.withLock { _ = $0.insert(sql) }
            }
            // The migrations' own may read what they like.
            seen.withLock { $0.removeAll() }
            let agent = try await store.agent("A") { $0.tags = ["x"] }
            try await withRuntime(on: store) { runtime in
                let key = try await store.key(user: store.owner)
                let run = try await store.run(of: agent, externalID: "x")
                var batch = EventBatch()
                batch.append(event: Array(#"{"type":"log"}"#.utf8), occurredAt: store.clock.now)
                _ = try await store.log.append(batch, toRun: run.key)
                try await store.runs.end(run, .failed(message: "no", detail: nil))
                let hosted = try #require(
                    try await runtime.call(
                        "agents_create", key: key, ["name": "H", "system_prompt": "x", "provider_type": "demo"])["id"])
                let invoked = try await runtime.call(
                    "runs_invoke", key: key, ["agent_id": hosted, "start_session": true])
                _ = try await store.searchIndexer.step()
                _ = try await store.retention.update(workspace: store.workspace.ref.key) {
                    $0 = .init(eventDays: 1, runDays: 1, conversationDays: 1)
                }
                try await store.retention.sweep(workspace: store.workspace.ref.key)
                _ = try await store.merger.mergeDue(limit: 1)
                let ids: JSONObject = [
                    "agent_id": hosted, "run_id": try #require(invoked["run_id"]),
                    "conversation_id": try #require(invoked["session_id"]), "version": 1, "from_version": 1,
                    "to_version": 1,
                ]
                for operation in runtime.registry.operations where operation.isReadOnly {
                    var fixed = JSONObject()
                    var required = true
                    for parameter in operation.parameters.parameters where parameter.isRequired {
                        fixed[parameter.name] = ids[parameter.name]
                        required = required && ids[parameter.name] != nil
                    }
                    guard required else { continue }
                    let takesAgent = operation.parameters.parameters.contains { $0.name == "agent_id" }
                    for variant in [[:]] + (Self.variants[operation.name] ?? []) {
                        for withAgent in takesAgent && fixed["agent_id"] == nil ? [false, true] : [false] {
                            var call = fixed
                            for (name, value) in variant.members { call[name] = value }
                            if withAgent { call["agent_id"] = hosted }
                            let (_, cursor) = try await runtime.result(operation.name, key: key, call)
                            guard let cursor else { continue }
                            call["cursor"] = .string(cursor)
                            _ = try await runtime.result(operation.name, key: key, call)
                        }
                    }
                }
                _ = try await runtime.call("agents_delete", key: key, ["agent_id": hosted])
                while try await store.purge.step() {}
            }
            let statements = seen.withLock { $0 }
            #expect(statements.count > 150)
            var scans: [String] = []
            for sql in statements where Self.isPlanned(sql) {
                let plan = try await store.database.read { connection in
                    try connection.rows("EXPLAIN QUERY PLAN " + sql) { $0.text(3) ?? "" }
                }
                let isSorted = plan.contains("USE TEMP B-TREE FOR ORDER BY")
                for step in plan where step.hasPrefix("SCAN ") || isSorted && Self.readsWorkspace(step) {
                    let name = step.split(separator: " ").dropFirst().first ?? ""
                    guard
                        ["runs", "event_chunks", "run_counters", "run_steps"].contains(where: {
                            Self.means(name, $0, sql)
                        }),
                        !Self.partial.contains(where: step.contains)
                    else { continue }
                    scans.append("\(step): \(sql)")
                }
            }
            #expect(scans == [])
            try store.close()
        }
    }

    private static func isPlanned(_ sql: String) -> Bool {
        let text = sql.drop { $0.isWhitespace }
        return ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].contains { text.hasPrefix($0) }
            && !sql.contains("CREATE ")
    }

    /// Whether a step reads all rows of a workspace, or those before or after one of them: much when they are sorted then.
    private static func readsWorkspace(_ step: String) -> Bool {
        ["(workspace_key=?)", "(workspace_key=? AND key<?)", "(workspace_key=? AND key>?)"].contains(
            where: step.contains)
    }

    /// Whether a name in a plan is a table, by itself or as its alias in the statement.
    private static func means(_ name: Substring, _ table: String, _ sql: String) -> Bool {
        if name == table { return true }
        let words = sql.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
        return zip(words, words.dropFirst()).contains { $0 == table && $1 == name }
    }
}
