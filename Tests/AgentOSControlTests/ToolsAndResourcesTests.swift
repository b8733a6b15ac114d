import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Operations of tools, resources and budgets")
struct ToolsAndResourcesTests {
    @Test("a tool is shown with what it was created with and without its secrets, and is deleted once")
    func tools() async throws {
        try await withRuntime(allowing: "127.0.0.0/8") { runtime in
            let key = try await runtime.store.key()
            let made = try await runtime.call(
                "tools_create_workspace", key: key,
                [
                    "name": "orders", "method": "PUT", "url": "http://127.0.0.1:9/orders/{id}",
                    "auth_secret": "tok-123456",
                    "headers": ["X-Team": "blue-567890"], "timeout_seconds": 5, "requires_approval": true,
                    "input_schema": ["type": "object"], "unknown_outcome": "ask", "description": .null,
                ])
            #expect(made["name"] == "orders" && made["tool_id"] == made["id"])
            let list = try await runtime.call("tools_list_workspace", key: key)
            let row = try #require(list.arrayValue?.first)
            let expected: JSONObject = [
                "id": made["id"] ?? .null, "name": "orders", "method": "PUT", "description": .null, "enabled": true,
                "url": "http://127.0.0.1:9/orders/{id}", "has_auth": true, "header_names": ["X-Team"],
                "input_schema": ["type": "object"], "timeout_seconds": 5, "requires_approval": true,
                "idempotent": false, "unknown_outcome": "ask", "created_at": row["created_at"] ?? .null,
            ]
            #expect(row == .object(expected) && !row.text.contains("tok-") && !row.text.contains("blue-"))
            let delete: JSONObject = ["tool_id": made["id"] ?? .null]
            #expect(try await runtime.call("tools_delete_workspace", key: key, delete)["ok"] == true)
            #expect(
                try await refusal { try await runtime.call("tools_delete_workspace", key: key, delete) }?.code
                    == .notFound)
            #expect(try await runtime.call("tools_list_composio", key: key) == ["toolkits": []])
        }
    }

    @Test(
        "what a tool cannot be is refused by its field",
        arguments: [
            (["name": "http_request"], "name"), (["name": "mcp_x"], "name"), (["name": "composio_x"], "name"),
            (["name": "1x"], "name"), (["name": "größe"], "name"), (["method": "HEAD"], "method"),
            (["url": "http://10.0.0.1/"], "url"), (["url": "http://{host}/"], "url"),
            (["url": "ftp://127.0.0.1/"], "url"),
            (["auth_secret": "a b"], "auth_secret"), (["headers": ["Host": "x"]], "headers.Host"),
            (["headers": ["X-A": "a\r\nb"]], "headers.X-A"), (["headers": ["X-A": 1]], "headers.X-A"),
            (["headers": ["Content-Length": "1"]], "headers.Content-Length"),
            (["headers": ["idempotency-key": "1"]], "headers.idempotency-key"),
            (["timeout_seconds": 121], "timeout_seconds"),
            (["auth_secret": "abc", "headers": ["authorization": "Basic x"]], "headers.authorization"),
            (["input_schema": ["type": "array"]], "input_schema.type"),
            (["input_schema": ["properties": ["a": ["type": "no"]]]], "input_schema.properties.a.type"),
            (["unknown_outcome": "hope"], "unknown_outcome"),
        ] as [(JSONObject, String)])
    func refusedTools(change: JSONObject, field: String) async throws {
        try await withRuntime(allowing: "127.0.0.0/8") { runtime in
            let key = try await runtime.store.key()
            var parameters: JSONObject = ["name": "fine", "method": "GET", "url": "http://127.0.0.1/{id}"]
            for (name, value) in change.members { parameters[name] = value }
            let refused = try await refusal { try await runtime.call("tools_create_workspace", key: key, parameters) }
            #expect(
                refused?.code == .validation && refused?.details.first?.path == field, "\(refused?.message ?? "taken")")
        }
    }

    @Test("a tool that asks a person by itself cannot be made to wait for one's yes")
    func gatedQuestion() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            var agent: JSONObject = [
                "name": "A", "system_prompt": "x", "provider_type": "demo", "tools": ["ask_human", "current_time"],
            ]
            let made = try await runtime.call("agents_create", key: key, agent)
            for field in ["approval_tools", "approval_required_tools"] {
                let tools: JSONValue = ["current_time", "ask_human"]
                agent[field] = tools
                let refused = try await refusal { try await runtime.call("agents_create", key: key, agent) }
                #expect(refused?.code == .validation && refused?.details.first?.path == "\(field)[1]")
                agent[field] = nil
                let change: JSONObject = ["agent_id": made["agent_id"] ?? .null, field: tools]
                let update = try await refusal { try await runtime.call("agents_update", key: key, change) }
                #expect(update?.code == .validation && update?.message.contains("ask_human asks a person") == true)
            }
        }
    }

    @Test("a tool of an MCP server is offered with a schema that providers take, whatever the server lists")
    func mcpSchemas() async throws {
        let plain: JSONValue = ["type": "object", "properties": [:]]
        let city: JSONObject = ["city": ["type": "string"]]
        let cases: [(name: String, given: JSONValue?, offered: JSONValue)] = [
            ("missing", nil, plain), ("empty", [:], plain), ("list", ["type": "array"], plain), ("text", "x", plain),
            (
                "typed", ["type": "object", "properties": .object(city)],
                ["type": "object", "properties": .object(city)]
            ),
            ("untyped", ["properties": .object(city)], ["properties": .object(city), "type": "object"]),
            ("odd", ["type": "object", "properties": 5], plain),
            ("choice", ["type": "object", "oneOf": [["required": ["a"]]]], plain),
        ]
        let tools = cases.map { one in
            var tool: JSONObject = ["name": .string(one.name)]
            if let given = one.given { tool["inputSchema"] = given }
            return JSONValue.object(tool)
        }
        try await withFakeProvider { fake in
            fake.serve { visit in
                guard let message = try? JSONParser.parse(visit.body), let id = message["id"] else {
                    return .raw(status: 202, body: "")
                }
                let result: JSONValue = message["method"] == "tools/list" ? ["tools": .array(tools)] : [:]
                let answer: JSONValue = ["jsonrpc": "2.0", "id": id, "result": result]
                return .raw(contentType: "application/json", body: answer.text)
            }
            fake.play(.text("done"))
            try await withRuntime(fake: fake, allowing: "127.0.0.0/8") { runtime in
                let key = try await runtime.store.key()
                let made = try await runtime.call(
                    "mcp_servers_create", key: key,
                    ["name": "s", "url": .string("http://127.0.0.1:\(fake.port)/mcp")])
                let agent = try await runtime.call(
                    "agents_create", key: key,
                    [
                        "name": "A", "system_prompt": "x", "provider_type": "anthropic", "model": "m",
                        "tools": made["tools"] ?? .null,
                    ])
                let run = try await runtime.call(
                    "runs_invoke", key: key, ["agent_id": agent["agent_id"] ?? .null, "input": ["q": "go"]])
                #expect(run["output"] == ["text": "done"])
                let offered = try #require(fake.requests.first?.body["tools"]?.arrayValue)
                #expect(offered.compactMap { $0["name"]?.stringValue } == cases.map { "mcp_s_" + $0.name })
                #expect(offered.compactMap { $0["input_schema"] } == cases.map(\.offered))
            }
        }
    }

    @Test("a resource gets its type from its name and a number when the name is taken")
    func resources() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            for (name, type, saved) in [
                ("a.csv", "text/csv", "a.csv"), ("a.csv", "text/csv", "a-2.csv"), ("b.MD", "text/markdown", "b.MD"),
                ("c.html", "text/html", "c.html"), ("d.json", "application/json", "d.json"), ("e", "text/plain", "e"),
            ] {
                let made = try await runtime.call(
                    "resources_create", key: key, ["filename": .string(name), "content": "ä"])
                #expect(made["filename"] == .string(saved) && made["mime_type"] == .string(type))
                #expect(made["size_bytes"] == 2 && made["resource_id"] == made["id"])
            }
            let (page, cursor) = try await runtime.result("resources_list", key: key, ["limit": 4])
            #expect(
                page.arrayValue?.compactMap { $0["filename"]?.stringValue } == ["a-2.csv", "a.csv", "b.MD", "c.html"])
            let rest = try await runtime.call("resources_list", key: key, ["cursor": .optional(cursor)])
            #expect(rest.arrayValue?.compactMap { $0["filename"]?.stringValue } == ["d.json", "e"])
            for name in ["a/b", "a\\b", "", "..", "a\nb", String(repeating: "x", count: 201)] {
                let refused = try await refusal {
                    try await runtime.call("resources_create", key: key, ["filename": .string(name), "content": ""])
                }
                #expect(refused?.code == .validation && refused?.details.first?.path == "filename")
            }
            let delete: JSONObject = ["filename": "a.csv"]
            #expect(try await runtime.call("resources_delete", key: key, delete) == ["ok": true, "filename": "a.csv"])
            #expect(
                try await refusal { try await runtime.call("resources_delete", key: key, delete) }?.code == .notFound)
        }
    }

    @Test("budgets are set, shown and cleared for agents and the workspace")
    func budgets() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let agent = try await runtime.store.agent()
            let id = JSONValue.string("\(agent.id)")
            let none = try await runtime.call("budgets_get", key: key)
            #expect(
                none["daily_usd"] == .null && none["agent_id"] == .null && none["spent_today_usd"]?.doubleValue == 0)
            let set = try await runtime.call("budgets_set", key: key, ["agent_id": id, "daily_usd": .number("2.5")])
            #expect(set["ok"] == true && set["agent_id"] == id && set["daily_usd"]?.doubleValue == 2.5)
            _ = try await runtime.call("budgets_set", key: key, ["daily_usd": 10])
            let (first, cursor) = try await runtime.result("budgets_list", key: key, ["limit": 1])
            #expect(first.arrayValue?.map { $0["agent_id"] } == [.null])
            let rest = try await runtime.call("budgets_list", key: key, ["cursor": .optional(cursor)])
            #expect(rest.arrayValue?.map { $0["agent_id"] } == [id])
            _ = try await runtime.call("budgets_set", key: key, ["daily_usd": .null])
            #expect(try await runtime.call("budgets_list", key: key).arrayValue?.count == 1)
            for value in [.number("-0.1"), "1"] as [JSONValue] {
                let refused = try await refusal {
                    try await runtime.call("budgets_set", key: key, ["daily_usd": value])
                }
                #expect(refused?.details.first?.path == "daily_usd")
            }
            let missing: JSONObject = ["agent_id": .string("\(AgentID.new(at: runtime.store.clock.now))")]
            #expect(try await refusal { try await runtime.call("budgets_get", key: key, missing) }?.code == .notFound)
        }
    }
}
