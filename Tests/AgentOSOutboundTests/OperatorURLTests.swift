import AgentOSOutbound
import Testing

@Suite("Addresses that the operator sets")
struct OperatorURLTests {
    @Test(
        "what cannot be called is refused",
        arguments: [
            "", "agents.example", "ftp://agents.example", "http://", "http://a b/", "http://127.0.0.1:99999",
            "http://127.0.0.1:0", "http://[::1/", "https://user:word@agents.example",
        ])
    func refused(text: String) {
        #expect(throws: OutboundError.self) { try OperatorURL(text) }
    }

    @Test("slashes at the end are dropped, and what follows a path is told")
    func taken() throws {
        #expect(try OperatorURL("https://agents.example/base//").text == "https://agents.example/base")
        #expect(try OperatorURL(" http://[::1]:8080/ ").text == "http://[::1]:8080")
        #expect(try OperatorURL("https://agents.example/base").isPlain)
        #expect(try !OperatorURL("https://agents.example/?a=b").isPlain)
    }

    @Test("a call to one that was not checked is refused before anything is sent")
    func unchecked() async throws {
        try await withClient { client in
            do {
                _ = try await client.stream(OutboundRequest(url: "http://127.0.0.1:99999/v1", timeoutSeconds: 5))
                Issue.record("it was called")
            } catch let error as OutboundError {
                #expect(error.kind == .badURL)
            }
        }
    }
}
