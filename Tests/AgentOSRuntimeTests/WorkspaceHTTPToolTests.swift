import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import Testing

/// Tools whose endpoints are pages of a fake server.
private struct Bench {
    static let key = UUIDBits(high: 0x0123_4567_89ab_7def, low: 0x8123_4567_89ab_cdef)

    let runtime: TestRuntime
    let store: WorkspaceToolStore
    let base: String

    func tool(
        _ method: String, _ target: String, change: (inout WorkspaceToolDraft) -> Void = { _ in }
    ) async throws -> WorkspaceHTTPTool {
        var draft = WorkspaceToolDraft(name: "t\(RandomText.alphanumeric(8))", method: method, url: base + target)
        change(&draft)
        let place = runtime.store.workspace.ref
        _ = try await store.create(place, draft)
        let source = WorkspaceToolSource(store: store, client: runtime.outbound)
        let found = try await source.tools(named: ["none", draft.name], workspace: place)
        return try #require(found.first as? WorkspaceHTTPTool)
    }

    /// What the model reads, and whether as a failure.
    func result(_ tool: WorkspaceHTTPTool, _ arguments: JSONObject = [:]) async throws -> (text: String, failed: Bool) {
        do {
            return (try await tool.perform(arguments, idempotencyKey: Self.key), false)
        } catch let failure as ToolFailure {
            return (failure.message, true)
        }
    }
}

private func withBench(
    allowing ranges: String = "127.0.0.0/8",
    _ page: @escaping @Sendable (FakeVisit) -> FakeStep = { _ in .raw(body: "ok") },
    _ body: (Bench, FakeProvider) async throws -> Void
) async throws {
    try await withFakeProvider { fake in
        fake.serve(page)
        try await withRuntime(allowing: ranges) { runtime in
            let store = WorkspaceToolStore(
                database: runtime.store.database, committer: runtime.store.committer, clock: runtime.store.clock.wall,
                vault: runtime.store.vault)
            try await body(Bench(runtime: runtime, store: store, base: fake.anthropicBaseURL), fake)
        }
    }
}

@Suite("HTTP tools of a workspace")
struct WorkspaceHTTPToolTests {
    @Test(
        "GET and DELETE carry the arguments in the query, escaped, behind what is there",
        arguments: [("GET", "/q", "/q?"), ("DELETE", "/q?v=1", "/q?v=1&"), ("GET", "/q?", "/q?")])
    func query(method: String, target: String, beginning: String) async throws {
        let rest = "text=a%20b%26c%3D%C3%BC%2F&n=1.50&yes=true&list=%5B1%2C%22x%22%5D&o=%7B%22k%22%3Anull%7D"
        try await withBench { bench, fake in
            let tool = try await bench.tool(method, target)
            let arguments: JSONObject = [
                "text": "a b&c=ü/", "n": .number("1.50"), "yes": true, "nothing": .null, "list": [1, "x"],
                "o": ["k": .null],
            ]
            #expect(try await bench.result(tool, arguments).text == "ok")
            let visit = try #require(fake.visits.first)
            #expect(visit.method == method && visit.target == beginning + rest && visit.body.isEmpty)
        }
    }

    @Test("POST, PUT and PATCH carry the arguments as JSON", arguments: ["POST", "PUT", "PATCH"])
    func body(method: String) async throws {
        try await withBench { bench, fake in
            let tool = try await bench.tool(method, "/items/{id}?mode={mode}")
            let arguments: JSONObject = ["id": 7, "mode": "a&b", "n": .number("1.0"), "text": "é"]
            #expect(try await !bench.result(tool, arguments).failed)
            let visit = try #require(fake.visits.first)
            #expect(visit.method == method && visit.target == "/items/7?mode=a%26b")
            #expect(visit.body == Array(#"{"n":1.0,"text":"é"}"#.utf8))
            #expect(visit.headers["content-type"] == "application/json")
        }
    }

    @Test(
        "a value cannot leave its place in the path",
        arguments: [
            ("a/../b", "/x/a%2F..%2Fb/y"), ("a?b#c", "/x/a%3Fb%23c/y"), ("..x", "/x/..x/y"),
            ("%2e%2e", "/x/%252e%252e/y"),
        ])
    func escapes(value: String, target: String) async throws {
        try await withBench { bench, fake in
            let tool = try await bench.tool("GET", "/x/{id}/y")
            #expect(try await !bench.result(tool, ["id": .string(value)]).failed)
            #expect(fake.visits.map(\.target) == [target])
        }
    }

    @Test("values that would climb, be nothing or are missing are refused and nothing is sent")
    func refused() async throws {
        try await withBench { bench, fake in
            let tool = try await bench.tool("DELETE", "/x/{id}")
            let two = try await bench.tool("GET", "/x/{a}{b}")
            for arguments in [["id": "."], ["id": ".."], ["id": ""], ["id": .null], [:]] as [JSONObject] {
                let (text, failed) = try await bench.result(tool, arguments)
                #expect(failed && (text.contains("id") || text.contains("..")))
            }
            #expect(try await bench.result(two, ["a": ".", "b": "."]).failed)
            #expect(fake.visits.isEmpty)
        }
    }

    @Test("secret, headers and idempotency key are sent, and an echo of a secret does not reach the model")
    func secrets() async throws {
        let page: @Sendable (FakeVisit) -> FakeStep = { visit in
            let said = ["authorization", "x-api-key", "x-plain"].map { visit.headers[$0] ?? "-" }.joined(separator: " ")
            return .raw(status: visit.target == "/fail" ? 500 : 200, body: said + #" tok\/en-1234 tok%2Fen-1234"#)
        }
        try await withBench(page) { bench, fake in
            for target in ["/", "/fail"] {
                let tool = try await bench.tool("POST", target) {
                    $0.secret = "tok/en-1234"
                    $0.headers = [("X-Api-Key", "key-5678"), ("X-Plain", "visible"), ("Content-Type", "text/x-json")]
                }
                let (text, failed) = try await bench.result(tool)
                #expect(failed == (target == "/fail"))
                #expect(!text.contains("en-1234") && !text.contains("key-5678") && text.contains("visible"))
            }
            for visit in fake.visits {
                #expect(visit.headers["authorization"] == "Bearer tok/en-1234")
                #expect(visit.headers["x-api-key"] == "key-5678")
                #expect(visit.headers["idempotency-key"] == Bench.key.text)
                #expect(visit.headers["content-type"] == "text/x-json")
            }
        }
    }

    @Test("an error's status and text are told, a long answer is cut and says so, an empty one is described")
    func answers() async throws {
        let page: @Sendable (FakeVisit) -> FakeStep = { visit in
            switch visit.target {
            case "/missing": .raw(status: 404, body: "no such thing" + String(repeating: "!", count: 90_000))
            case "/moved": .raw(status: 302, headers: [("location", "/long")], body: "")
            case "/long": .raw(body: String(repeating: "ü", count: 700_000))
            case "/binary": .raw(contentType: "image/png", body: "\u{0}\u{1}")
            default: .raw(status: 204, body: "")
            }
        }
        try await withBench(page) { bench, _ in
            let missing = try await bench.result(try await bench.tool("GET", "/missing"))
            #expect(missing.failed && missing.text.contains("404") && missing.text.contains("no such thing"))
            #expect(missing.text.count < 5000)
            let long = try await bench.result(try await bench.tool("GET", "/long") { $0.secret = "tok-1234" })
            #expect(!long.failed && long.text.count < 100_100)
            #expect(long.text.hasSuffix("[truncated: the answer is longer]"))
            #expect(try await bench.result(try await bench.tool("GET", "/empty")).text.contains("204"))
            #expect(try await bench.result(try await bench.tool("GET", "/binary")).text.contains("image/png"))
            #expect(try await !bench.result(try await bench.tool("GET", "/moved")).failed)
            let kept = try await bench.result(try await bench.tool("GET", "/moved") { $0.headers = [("X-Key", "k")] })
            #expect(kept.failed && kept.text.contains("302"))
        }
    }

    @Test("an inner address is refused")
    func guarded() async throws {
        try await withBench(allowing: "") { bench, fake in
            let tool = try await bench.tool("GET", "/")
            #expect(try await bench.result(tool).failed)
            #expect(fake.visits.isEmpty)
        }
    }

    @Test("a crash, an approval and the model are answered by what the tool declares")
    func declarations() async throws {
        try await withBench { bench, _ in
            let read = try await bench.tool("GET", "/x/{id}")
            #expect(!read.writes && read.unknownOutcome([:]) == .retry && !read.requiresApproval)
            #expect(read.definition.inputSchema["required"] == ["id"])
            let write = try await bench.tool("DELETE", "/x")
            #expect(write.writes && write.unknownOutcome([:]) == .report)
            #expect(write.definition.inputSchema["type"] == "object")
            let safe = try await bench.tool("POST", "/x") {
                $0.isIdempotent = true
                $0.requiresApproval = true
                $0.inputSchema = ["properties": ["a": ["type": "string"]]]
            }
            #expect(safe.unknownOutcome([:]) == .retry && safe.requiresApproval)
            #expect(safe.definition.inputSchema == ["properties": ["a": ["type": "string"]], "type": "object"])
            let asked = try await bench.tool("POST", "/x") { $0.unknownOutcome = "ask" }
            #expect(asked.unknownOutcome([:]) == .ask)
        }
    }

    @Test(
        "a URL with places elsewhere than in path and query, or with steps upwards, is refused",
        arguments: [
            "http://{host}/x", "{scheme}://example.org/", "http://example.org:{port}/", "http://u{x}@example.org/",
            "http://example.org/{}", "http://example.org/{a b}", "http://example.org/a}b", "http://example.org/{a",
            "http://example.org/../x", "http://example.org/a/%2E./x", "example.org/x", "http://example.org/ x",
        ])
    func templates(url: String) {
        #expect(throws: (any Error).self) { try URLTemplate(url) }
    }

    @Test("the sample has something harmless in each place and no fragment")
    func sample() throws {
        let template = try URLTemplate("http://example.org/a/{id}/{id}?q={q}&r=1#part-{z}")
        #expect(template.sample == "http://example.org/a/x/x?q=x&r=1" && template.names == ["id", "q"])
    }
}
