import AgentOSCore
import AgentOSOutbound
import AgentOSTestSupport
import Testing

@Suite("The guard of user-given URLs", .timeLimit(.minutes(1)))
struct OutboundGuardTests {
    @Test(
        "inner addresses are refused before anything is sent",
        arguments: [
            "http://127.0.0.1:PORT/x", "http://localhost:PORT/x", "http://LOCALHOST.:PORT/x", "http://[::1]:PORT/x",
            "http://[::ffff:127.0.0.1]:PORT/x", "http://[::ffff:7f00:1]:PORT/x", "http://0.0.0.0:PORT/x",
            "http://2130706433:PORT/x", "http://0x7f.1:PORT/x", "http://0x7f000001:PORT/x",
            "http://0177.0.0.1:PORT/x", "http://127.1:PORT/x", "http://127.0.1:PORT/x", "http://0:PORT/x",
            "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/",
            "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "http://100.64.0.1/",
            "http://[fe80::1]/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]:PORT/", "http://[2002:7f00:1::]/",
            "http://255.255.255.255/", "http://224.0.0.1/", " http://127.0.0.1:PORT/x\t",
        ])
    func innerAddress(url: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "secret") }
            try await withClient { client in
                let request = OutboundRequest(url: url.replacing("PORT", with: "\(fake.port)"))
                let outcome = try await refusal(client, request)
                #expect(outcome == .refusedAddress)
            }
            #expect(fake.visits.isEmpty)
        }
    }

    @Test(
        "what is no plain http or https URL is refused",
        arguments: [
            "", "x", "//127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:PORT/",
            "unix:///run/x", "http+unix://%2Frun%2Fx/", "http:/127.0.0.1/", "http:127.0.0.1", "http:///x", "http://",
            "http://user@127.0.0.1:PORT/x", "http://user:pw@127.0.0.1:PORT/x", "http://example.com@127.0.0.1:PORT/",
            "http://127.0.0.1\\@example.com/", "http://127.0.0.1:PORT\\@example.com/", "http://127.0.0.1%2f/",
            "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:x/", "http://[::1",
            "http://[127.0.0.1]/",
            "http://[fe80::1%25eth0]/", "http://127.0.0.1 /", "http://127.0.0.1\r\nHost: x/", "http://ex\u{0}ample/",
            "http://①②⑦.0.0.1/", "http://127。0。0。1/",
        ])
    func badURL(url: String) async throws {
        try await withClient(allowing: "0.0.0.0/0,::/0") { client in
            let request = OutboundRequest(url: url.replacing("PORT", with: "8080"))
            let outcome = try await refusal(client, request)
            #expect(outcome == .badURL)
        }
    }

    @Test(
        "an allowed address is reached however it is spelled, and the name stays in the host header",
        arguments: ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]"])
    func allowed(host: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(status: 201, headers: [("X-Reply", "yes")], body: "größe") }
            try await withClient(allowing: "127.0.0.0/8") { client in
                let answer = try await client.send(
                    OutboundRequest(url: "http://\(host):\(fake.port)/a b/ä?q=[1]&r=%20%zz#part"))
                #expect(answer.status == 201)
                #expect(answer.header("x-reply") == "yes")
                #expect(String(decoding: answer.body, as: UTF8.self) == "größe")
                #expect(!answer.truncated)
            }
            let visit = try #require(fake.visits.first)
            #expect(visit.target == "/a%20b/%C3%A4?q=%5B1%5D&r=%20%25zz")
            #expect(visit.headers["host"] == "\(host):\(fake.port)")
        }
    }

    @Test(
        "headers that frame the message or break its lines are refused",
        arguments: [
            ("Host", "x"), ("content-length", "5"), ("Transfer-Encoding", "chunked"), ("CONNECTION", "close"),
            ("Upgrade", "h2c"), ("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "a\u{0}b"), ("x\r\ny", "a"), ("x y", "a"),
            ("x:", "a"), ("", "a"), ("ü", "a"),
        ])
    func headers(name: String, value: String) async throws {
        try await withClient(allowing: "127.0.0.0/8") { client in
            let request = OutboundRequest(url: "http://127.0.0.1:1/", headers: [(name, value)])
            let outcome = try await refusal(client, request)
            #expect(outcome == .badRequest)
        }
    }

    @Test("methods that are none are refused", arguments: ["", "GE T", "GET\r\n", "CONNECT", "trace", "GÉT"])
    func methods(method: String) async throws {
        try await withClient(allowing: "127.0.0.0/8") { client in
            let request = OutboundRequest(method: method, url: "http://127.0.0.1:1/")
            let outcome = try await refusal(client, request)
            #expect(outcome == .badRequest)
        }
    }

    @Test("an unknown host is told apart from a refused one")
    func unknownHost() async throws {
        try await withClient { client in
            let request = OutboundRequest(url: "http://no-such-host.invalid/", timeoutSeconds: 20)
            let outcome = try await refusal(client, request)
            #expect(outcome == .unresolved)
            // To store it is no fault: names come and go.
            try await client.check("http://no-such-host.invalid/")
        }
    }

    @Test("a stored base URL is guarded on the streaming road too")
    func guardedStream() async throws {
        try await withFakeProvider { fake in
            let request = OutboundRequest(
                method: "POST", url: "\(fake.anthropicBaseURL)/v1/messages", body: plainModelCall)
            try await withClient { client in
                let error = await #expect(throws: OutboundError.self) {
                    _ = try await client.stream(request, guarded: true)
                }
                #expect(error?.kind == .refusedAddress)
                #expect(fake.requests.isEmpty)
            }
        }
    }
}
