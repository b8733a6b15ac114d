import AgentOSClient
import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite("Numbers that are not finite, in the control plane")
struct NotFiniteTests {
    private func call(_ server: TestServer, _ method: String, _ body: String) async throws -> RawAnswer {
        try await server.send(
            "POST", "/api/v1/rpc/\(method)", key: server.workspaceKey, body: Array(body.utf8))
    }

    @Test(
        "a typed field refuses them by its name",
        arguments: [
            ("budgets_set", #"{"daily_usd":NaN}"#, "daily_usd"),
            ("runs_list", #"{"limit":Infinity}"#, "limit"),
            ("folders_create", #"{"name":-Infinity}"#, "name"),
            ("agents_list", #"{"workspace":NaN}"#, "workspace"),
        ])
    func typed(method: String, body: String, field: String) async throws {
        try await withServer { server in
            let answer = try await call(server, method, body)
            #expect(answer.status == 400 && answer.errorCode == "VALIDATION_ERROR")
            #expect(answer.json["error"]?["details"]?.arrayValue?.first?["path"] == .string(field))
        }
    }

    @Test("a budget is not removed by one, over RPC, MCP or the Swift client")
    func budget() async throws {
        try await withServer { server in
            #expect(try await call(server, "budgets_set", #"{"daily_usd":5}"#).data["daily_usd"]?.doubleValue == 5)
            #expect(try await call(server, "budgets_set", #"{"daily_usd":NaN}"#).status == 400)
            let message =
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"budgets_set","#
                + #""arguments":{"daily_usd":NaN}}}"#
            let tool = try await server.send(
                "POST", "/api/mcp", key: server.workspaceKey, body: Array(message.utf8))
            #expect(tool.json["result"]?["isError"] == true && tool.text.contains("daily_usd"))
            let client = try AgentOSClient(baseURL: server.baseURL, apiKey: server.workspaceKey)
            let refused = try await refusal { try await client.rpc("budgets_set", ["daily_usd": .double(.nan)]) }
            #expect(refused?.details.first?.path == "daily_usd")
            #expect(try await call(server, "budgets_get", "{}").data["daily_usd"]?.doubleValue == 5)
        }
    }

    @Test("free-form JSON takes them as null")
    func freeForm() async throws {
        try await withServer { server in
            let body =
                #"{"agent_id":"\#(server.hosted.id)","name":"Case","input":{"message":"Hi","n":NaN},"#
                + #""assertions":[{"type":"no_error"}]}"#
            let made = try await call(server, "evals_create_case", body)
            #expect(made.status < 300)
            let listed = try await call(server, "evals_list_cases", #"{"agent_id":"\#(server.hosted.id)"}"#)
            let input = try #require(listed.data.arrayValue?.first?["input"])
            #expect(input == ["message": "Hi", "n": .null])
        }
    }
}
