import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("The control plane for assistants")
struct MCPServerTests {
    private func ask(
        _ runtime: TestRuntime, _ key: String, _ method: String, _ params: JSONObject = [:]
    ) async throws -> JSONValue {
        let server = MCPServer(registry: runtime.registry, publicURL: "http://127.0.0.1")
        let principal = try #require(try await runtime.store.keys.principal(of: key))
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        let answer = try #require(await server.answer(message.encoded, by: principal))
        return try JSONParser.parse(answer.body)
    }

    /// All resources, page by page, with how many each page had.
    private func resources(_ runtime: TestRuntime, _ key: String) async throws -> (found: [JSONValue], pages: [Int]) {
        var (found, pages, cursor): ([JSONValue], [Int], JSONValue?) = ([], [], nil)
        repeat {
            let params: JSONObject = cursor.map { ["cursor": $0] } ?? [:]
            let result = try #require(try await ask(runtime, key, "resources/list", params)["result"])
            let page = result["resources"]?.arrayValue ?? []
            found += page
            pages.append(page.count)
            cursor = result["nextCursor"]
        } while cursor != nil
        return (found, pages)
    }

    @Test("resources are the agents of all workspaces of a key, page by page")
    func listing() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key(user: store.owner)
            for number in 0..<150 {
                _ = try await store.agent("a\(number)") { $0.description = number == 0 ? "First." : nil }
            }
            let alone = try await resources(runtime, key)
            #expect(alone.pages == [100, 50])
            #expect(Set(alone.found.compactMap { $0["uri"]?.stringValue }).count == 150)
            let described = alone.found.filter { $0["description"] != nil }
            #expect(described.compactMap { $0["name"]?.stringValue } == ["a0"])

            let made = try await runtime.call("workspaces_create", key: key, ["name": "Other"])
            let slug = try #require(made["slug"]?.stringValue)
            let other = try #require(try await store.workspaces.workspace(named: slug))
            let foreign = try await store.agent("foreign", in: other.ref)
            let both = try await resources(runtime, key)
            #expect(both.found.count == 151 && both.pages.allSatisfy { $0 <= 100 })
            let uris = both.found.compactMap { $0["uri"]?.stringValue }
            let uri = try #require(uris.first { $0.contains("\(foreign.id)") })
            let read = try await ask(runtime, key, "resources/read", ["uri": .string(uri)])
            #expect(read["result"]?["contents"]?.arrayValue?.first?["text"]?.stringValue?.contains("foreign") == true)
            // A workspace key has its own alone.
            #expect(try await resources(runtime, try await store.key()).found.count == 150)
            let odd = try await ask(runtime, key, "resources/list", ["cursor": "nonsense"])
            #expect(odd["error"]?["code"] == -32602)
        }
    }

    @Test("hints say what removes for good and what may be repeated")
    func hints() async throws {
        try await withRuntime { runtime in
            let listed = try await ask(runtime, try await runtime.store.key(), "tools/list")
            let tools = listed["result"]?["tools"]?.arrayValue ?? []
            func hint(_ tool: String, _ name: String) -> Bool? {
                tools.first { $0["name"]?.stringValue == tool }?["annotations"]?[name]?.boolValue
            }
            #expect(hint("retention_set", "destructiveHint") == true && hint("budgets_set", "destructiveHint") == false)
            #expect(hint("runs_cancel", "idempotentHint") == true && hint("runs_invoke", "idempotentHint") == false)
            #expect(hint("agents_list", "readOnlyHint") == true)
        }
    }

    @Test("a version that nobody speaks is not spoken; none at all is fine")
    func versions() async throws {
        try await withRuntime { runtime in
            let server = MCPServer(registry: runtime.registry, publicURL: "http://127.0.0.1")
            #expect(server.speaks(version: nil) && server.speaks(version: "2025-03-26"))
            #expect(!server.speaks(version: "1999-01-01") && !server.speaks(version: ""))
        }
    }
}
