import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Actions of Composio")
struct ComposioTests {
    private func page(_ visit: FakeVisit) -> FakeStep {
        func json(_ value: JSONValue, status: Int = 200) -> FakeStep {
            .raw(status: status, contentType: "application/json", body: value.text)
        }
        guard visit.headers["x-api-key"] == "ck_test" else {
            return json(["error": ["message": "Bad key"]], status: 401)
        }
        if visit.target.hasPrefix("/api/v3/connected_accounts?user_ids=ada") {
            return json([
                "items": [
                    ["status": "ACTIVE", "toolkit": ["slug": "github"], "created_at": "2026-01-02T03:04:05.000Z"],
                    ["status": "EXPIRED", "toolkit": ["slug": "slack"]],
                ]
            ])
        }
        if visit.target.hasPrefix("/api/v3/tools?toolkit_slug=github") {
            guard visit.target.contains("cursor=p2") else {
                return json([
                    "items": [
                        [
                            "slug": "GITHUB_CREATE_ISSUE", "name": "Create issue", "description": "Opens an issue.",
                            "input_parameters": ["type": "object", "properties": ["title": ["type": "string"]]],
                        ], ["slug": "../evil", "name": "x"],
                    ], "next_cursor": "p2",
                ])
            }
            return json(["items": [["slug": "GITHUB_STAR", "name": "Star", "description": ""]], "next_cursor": .null])
        }
        let body = (try? JSONParser.parse(visit.body)) ?? .null
        guard visit.method == "POST", visit.target == "/api/v3/tools/execute/GITHUB_CREATE_ISSUE",
            body["user_id"] == "ada"
        else { return json([:], status: 404) }
        if body["arguments"]?["title"] == "bad" {
            return json(["successful": false, "error": "No such repository", "data": [:]])
        }
        return json(["successful": true, "data": ["number": 17], "error": .null])
    }

    @Test("connected toolkits are listed, and an agent calls their actions; what fails is told to the model")
    func actions() async throws {
        try await withFakeProvider { fake in
            fake.serve(page)
            try await withStore { store in
                let settings = ComposioSettings(
                    apiKey: "ck_test", baseURL: fake.anthropicBaseURL + "/", userID: "ada")
                try await withRuntime(fake: fake, composio: settings, on: store) { runtime in
                    let key = try await store.key()
                    let kits = try await runtime.call("tools_list_composio", key: key)["toolkits"]?.arrayValue
                    #expect(kits?.map { $0["toolkit"] } == ["github"])
                    #expect(
                        kits?.first?["actions"]?.arrayValue?.map { $0["tool_name"] } == [
                            "composio_github_create_issue", "composio_github_star",
                        ])
                    let connected = try await runtime.call("integrations_list", key: key).arrayValue
                    #expect(connected?.first?["connected_at"] == "2026-01-02T03:04:05.000Z")
                    let agent = try #require(
                        try await runtime.call(
                            "agents_create", key: key,
                            [
                                "name": "A", "system_prompt": "x", "provider_type": "anthropic", "model": "claude-x",
                                "tools": ["composio_github_create_issue"],
                            ])["id"])
                    fake.play(
                        .tools(("composio_github_create_issue", ["title": "It broke"])),
                        .tools(("composio_github_create_issue", ["title": "bad"])), .text("Done"))
                    _ = try await runtime.call(
                        "runs_invoke", key: key, ["agent_id": agent, "input": ["message": "go"]])
                    let results = fake.requests.flatMap(\.toolResults)
                    #expect(fake.requests.count == 3, "\(fake.requests.map { $0.body.text.prefix(2000) })")
                    #expect(results.contains { $0.contains("17") })
                    #expect(results.contains { $0.contains("No such repository") })
                    let unknown = try await refusal {
                        try await runtime.call(
                            "agents_update", key: key, ["agent_id": agent, "tools": ["composio_slack_send"]])
                    }
                    #expect(unknown?.details.first?.path == "tools[0]")
                }
            }
        }
    }

    @Test("a wrong key is told, and without one there is nothing")
    func keys() async throws {
        try await withFakeProvider { fake in
            fake.serve(page)
            try await withStore { store in
                let settings = ComposioSettings(apiKey: "wrong", baseURL: fake.anthropicBaseURL, userID: "ada")
                try await withRuntime(composio: settings, on: store) { runtime in
                    let told = try await refusal {
                        try await runtime.call("tools_list_composio", key: try await store.key())
                    }
                    #expect(told?.code == .provider && told?.message.contains("Bad key") == true)
                }
            }
        }
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            #expect(try await runtime.call("tools_list_composio", key: key) == ["toolkits": []])
            #expect(try await runtime.call("integrations_list", key: key) == [])
        }
    }
}
