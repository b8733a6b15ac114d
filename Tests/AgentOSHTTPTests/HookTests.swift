import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite("Links that start runs, over a socket")
struct HookTests {
    /// Makes a link of the hosted agent and returns its path.
    private func path(_ server: TestServer) async throws -> String {
        let made = try await server.send(
            "/api/v1/rpc/agents_update", key: server.workspaceKey,
            ["agent_id": .string("\(server.hosted.id)"), "inbound_webhook": true])
        let url = try #require(made.data["inbound_webhook_url"]?.stringValue)
        let token = try #require(url.split(separator: "/").last)
        return "/api/v1/hooks/\(server.hosted.id)/\(token)"
    }

    @Test("a link has the rate of invokes and tells of it")
    func rate() async throws {
        try await withServer {
            $0.invokeLimit = 2
        } _: { server in
            let path = try await path(server)
            for left in ["1", "0"] {
                let taken = try await server.send("POST", path, body: Array("{}".utf8))
                #expect(taken.status == 202 && taken.data["run_id"] != nil)
                #expect(taken.header("x-ratelimit-limit") == "2" && taken.header("x-ratelimit-remaining") == left)
            }
            let refused = try await server.send("POST", path, body: Array("{}".utf8))
            #expect(refused.status == 429 && refused.errorCode == "RATE_LIMITED")
            #expect(Int(refused.header("retry-after") ?? "") ?? 0 >= 1)
            #expect(try await server.store.count("runs") == 2)
        }
    }

    @Test("wrong links count as failed authentications, and a right one is never refused for them")
    func failures() async throws {
        try await withServer {
            $0.authLimit = 2
        } _: { server in
            let path = try await path(server)
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await server.send("POST", path + "x", body: Array("{}".utf8)).status) }
            #expect(statuses == [404, 404, 429])
            #expect(try await server.send("POST", path, body: Array("{}".utf8)).status == 202)
        }
    }
}
