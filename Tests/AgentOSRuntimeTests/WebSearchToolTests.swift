import AgentOSCore
import AgentOSRuntime
import AgentOSTestSupport
import Testing

@Suite("Web search")
struct WebSearchToolTests {
    private func result(
        _ backend: WebSearchSettings.Backend, key: String? = nil, _ arguments: JSONObject, answer: FakeStep
    ) async throws -> (result: JSONValue?, failure: String?, visits: [FakeVisit]) {
        try await withFakeProvider { fake in
            fake.serve { _ in answer }
            // Nothing inner is allowed: the operator's own URL is reached all the same.
            return try await withRuntime { runtime in
                let url = fake.anthropicBaseURL + (backend == .searxng ? "/" : "/api")
                let tool = WebSearchTool(
                    client: runtime.outbound, settings: WebSearchSettings(backend: backend, url: url, apiKey: key))
                do {
                    return (try JSONParser.parse(try await tool.search(arguments)), nil, fake.visits)
                } catch let failure as ToolFailure {
                    return (nil, failure.message, fake.visits)
                }
            }
        }
    }

    private let hits: JSONValue = [
        ["title": " A  title ", "url": "https://a.example/", "content": "one\ntwo", "description": "one\ntwo"],
        ["title": "no url"], ["title": "B", "url": "https://b.example/"], ["title": "C", "url": "https://c.example/"],
    ]

    private let expected: JSONValue = [
        "results": [
            ["title": "A title", "url": "https://a.example/", "snippet": "one two"],
            ["title": "B", "url": "https://b.example/", "snippet": ""],
        ]
    ]

    @Test("SearXNG is asked by its query interface")
    func searxng() async throws {
        let body = JSONValue.object(["results": hits]).text
        let (found, _, visits) = try await result(
            .searxng, ["query": "a b&c", "max_results": 2], answer: .raw(body: body))
        #expect(found == expected)
        #expect(visits.map(\.target) == ["/search?q=a%20b%26c&format=json"])
    }

    @Test("Brave is asked with its subscription token, and no hit is an empty list")
    func brave() async throws {
        let body = JSONValue.object(["web": ["results": hits]]).text
        let (found, _, visits) = try await result(
            .brave, key: "brave-key", ["query": "q", "max_results": 2], answer: .raw(body: body))
        #expect(found == expected)
        #expect(visits.first?.target == "/api?q=q&count=2&text_decorations=false")
        #expect(visits.first?.headers["x-subscription-token"] == "brave-key")
        #expect(try await result(.brave, key: "k", ["query": "q"], answer: .raw(body: "{}")).result == ["results": []])
    }

    @Test("Tavily is asked with a JSON body and a bearer key")
    func tavily() async throws {
        let body = JSONValue.object(["results": hits]).text
        let (found, _, visits) = try await result(
            .tavily, key: "tvly-key", ["query": "q", "max_results": 2], answer: .raw(body: body))
        #expect(found == expected)
        let visit = try #require(visits.first)
        #expect(visit.method == "POST" && visit.headers["authorization"] == "Bearer tvly-key")
        #expect(try JSONParser.parse(visit.body) == ["query": "q", "max_results": 2])
    }

    @Test("what goes wrong is a failure that the model can read")
    func failures() async throws {
        #expect(
            try await result(.brave, key: "k", ["query": "q"], answer: .raw(status: 429, body: "")).failure?
                .contains("429") == true)
        for body in ["<html>", "[]", "{\"results\": 1}"] {
            #expect(try await result(.searxng, ["query": "q"], answer: .raw(body: body)).failure != nil)
        }
        for arguments in [[:], ["query": ""], ["query": "q", "max_results": 21]] as [JSONObject] {
            let (_, failure, visits) = try await result(.searxng, arguments, answer: .raw(body: "{}"))
            #expect(failure != nil && visits.isEmpty)
        }
        try await withRuntime { runtime in
            let tool = WebSearchTool(client: runtime.outbound, settings: nil)
            await #expect(throws: ToolFailure.self) { try await tool.search(["query": "q"]) }
        }
    }

    @Test("settings that cannot work are refused by their name")
    func settings() throws {
        #expect(try WebSearchSettings.read(backend: nil, url: nil, apiKey: nil) == nil)
        #expect(try WebSearchSettings.read(backend: "tavily", url: nil, apiKey: "k")?.backend == .tavily)
        let wrong: [(String?, String?, String?, String)] = [
            ("google", nil, nil, "web_search_backend"), ("searxng", nil, nil, "web_search_url"),
            ("searxng", "example.org", nil, "web_search_url"), ("brave", nil, nil, "web_search_api_key"),
            (nil, nil, "k", "web_search_api_key"),
        ]
        for (backend, url, key, name) in wrong {
            do {
                _ = try WebSearchSettings.read(backend: backend, url: url, apiKey: key)
                Issue.record("\(name) was not refused")
            } catch {
                #expect(error.details.first?.path == name)
            }
        }
    }
}
