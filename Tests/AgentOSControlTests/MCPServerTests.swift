import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("The control plane for assistants")
struct MCPServerTests {
    private func ask(
        _ runtime: TestRuntime, _ key: String, _ method: String, _ params: JSONObject = [:], in workspace: String? = nil
    ) async throws -> JSONValue {
        let server = MCPServer(registry: runtime.registry, publicURL: "http://127.0.0.1")
        let principal = try #require(try await runtime.store.keys.principal(of: key))
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        let answer = try #require(await server.answer(message.encoded, by: principal, workspace: workspace))
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

    @Test("a list that has more says with which cursor it goes on, to programs and to models")
    func paging() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            for number in 0..<3 { _ = try await runtime.store.agent("a\(number)") }
            func list(_ cursor: JSONValue?) async throws -> JSONValue {
                var arguments: JSONObject = ["limit": 2]
                arguments["cursor"] = cursor
                let params: JSONObject = ["name": "agents_list", "arguments": .object(arguments)]
                return try #require(try await ask(runtime, key, "tools/call", params)["result"])
            }
            let first = try await list(nil)
            let cursor = try #require(first["_meta"]?["next_cursor"]?.stringValue)
            let texts = first["content"]?.arrayValue?.compactMap { $0["text"]?.stringValue } ?? []
            #expect(texts.count == 2 && texts.last?.contains("\"\(cursor)\"") == true)
            #expect(first["structuredContent"]?["data"]?.arrayValue?.count == 2)
            let second = try await list(.string(cursor))
            #expect(second["structuredContent"]?["data"]?.arrayValue?.count == 1)
            #expect(second["_meta"] == nil && second["content"]?.arrayValue?.count == 1)

            let listed = try await ask(runtime, key, "tools/list")
            let tool = listed["result"]?["tools"]?.arrayValue?.first { $0["name"] == "runs_list" }
            let described = tool?["inputSchema"]?["properties"]?["cursor"]?["description"]?.stringValue
            #expect(described?.contains("_meta") == true && described?.contains("header") == false)
        }
    }

    @Test("the workspace that the caller stands in is meant where a call names none")
    func standing() async throws {
        try await withRuntime { runtime in
            let store = runtime.store
            let key = try await store.key(user: store.owner)
            let agent = try await store.agent("mine")
            let made = try await runtime.call("workspaces_create", key: key, ["name": "Other"])
            let other = try #require(made["slug"]?.stringValue)
            func count(_ arguments: JSONObject, in workspace: String?) async throws -> Int? {
                let params: JSONObject = ["name": "agents_list", "arguments": .object(arguments)]
                let answer = try await ask(runtime, key, "tools/call", params, in: workspace)
                return answer["result"]?["structuredContent"]?["data"]?.arrayValue?.count
            }
            #expect(try await count([:], in: nil) == nil)
            #expect(try await count([:], in: "main") == 1)
            #expect(try await count([:], in: other) == 0)
            #expect(try await count(["workspace": "main"], in: other) == 1)

            let uri: JSONObject = ["uri": .string("agentos://agents/\(agent.id)")]
            #expect(try await ask(runtime, key, "resources/read", uri)["error"]?["code"] == -32602)
            #expect(try await ask(runtime, key, "resources/read", uri, in: "main")["result"]?["contents"] != nil)
            let prompt = try await ask(runtime, key, "prompts/get", ["name": "summarise_today"], in: "main")
            let text = prompt["result"]?["messages"]?.arrayValue?.first?["content"]?["text"]?.stringValue
            #expect(text?.contains("of the workspace main") == true)
        }
    }

    @Test("a request whose id is null is refused, not taken for a notification")
    func nullID() async throws {
        try await withRuntime { runtime in
            let server = MCPServer(registry: runtime.registry, publicURL: "http://127.0.0.1")
            let principal = try #require(try await runtime.store.keys.principal(of: try await runtime.store.key()))
            let message = Array(#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.utf8)
            let answer = try #require(await server.answer(message, by: principal))
            #expect(try JSONParser.parse(answer.body)["error"]?["code"] == -32600)
            let notification = Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8)
            let silence = await server.answer(notification, by: principal)
            #expect(silence?.body == nil)
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
