import AgentOSCore
import AgentOSOutbound
import AgentOSTestSupport
import Testing

@Suite("Sending", .timeLimit(.minutes(1)))
struct OutboundClientTests {
    private let here = "127.0.0.0/8"

    @Test(
        "a redirect to an inner address is refused on that hop",
        arguments: [
            "http://169.254.169.254/latest/meta-data/", "//10.0.0.1/", "http://[::1]/", "http://0xa9fea9fe/",
        ])
    func redirectInwards(location: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .redirect(302, to: location) }
            try await withClient(allowing: here) { client in
                let request = OutboundRequest(url: "http://127.0.0.1:\(fake.port)/", maxRedirects: 5)
                let outcome = try await refusal(client, request)
                #expect(outcome == .refusedAddress)
            }
            #expect(fake.visits.count == 1)
        }
    }

    @Test("a redirect to another kind of URL is refused", arguments: ["file:///etc/passwd", "http://u@127.0.0.1/"])
    func redirectElsewhere(location: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .redirect(302, to: location) }
            try await withClient(allowing: here) { client in
                let request = OutboundRequest(url: "http://127.0.0.1:\(fake.port)/", maxRedirects: 5)
                let outcome = try await refusal(client, request)
                #expect(outcome == .badURL)
            }
        }
    }

    @Test("without leave to follow, a redirect is the answer")
    func redirectNotFollowed() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .redirect(302, to: "/next") }
            try await withClient(allowing: here) { client in
                let answer = try await client.send(OutboundRequest(url: "http://127.0.0.1:\(fake.port)/"))
                #expect(answer.status == 302)
                #expect(answer.header("location") == "/next")
            }
            #expect(fake.visits.count == 1)
        }
    }

    @Test(
        "relative redirects lead where they say",
        arguments: [
            ("/x/y", "/x/y"), ("z", "/a/b/z"), ("../z?q=1", "/a/z?q=1"), ("?q=2", "/a/b/c?q=2"), ("./", "/a/b/"),
            ("../../../../z", "/z"), ("//127.0.0.1:PORT/w", "/w"), ("http://127.0.0.1:PORT/v#f", "/v"),
        ])
    func relative(location: String, expected: String) async throws {
        try await withFakeProvider { fake in
            let location = location.replacing("PORT", with: "\(fake.port)")
            fake.serve { $0.target == "/a/b/c?p=0" ? .redirect(302, to: location) : .raw(body: "there") }
            try await withClient(allowing: here) { client in
                let answer = try await client.send(
                    OutboundRequest(url: "http://127.0.0.1:\(fake.port)/a/b/c?p=0", maxRedirects: 5))
                #expect(answer.status == 200)
                #expect(answer.finalURL == "http://127.0.0.1:\(fake.port)\(expected)")
            }
            #expect(fake.visits.last?.target == expected)
        }
    }

    @Test("redirects without end are given up")
    func redirectLoop() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .redirect(307, to: "/") }
            try await withClient(allowing: here) { client in
                let request = OutboundRequest(url: "http://127.0.0.1:\(fake.port)/", maxRedirects: 100)
                let outcome = try await refusal(client, request)
                #expect(outcome == .tooManyRedirects)
            }
            #expect(fake.visits.count == OutboundRequest.redirectLimit + 1)
        }
    }

    @Test(
        "the status of a redirect says what becomes of a POST",
        arguments: [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
    func redirectMethod(status: Int, method: String) async throws {
        try await withFakeProvider { fake in
            fake.serve { $0.target == "/" ? .redirect(status, to: "/next") : .raw(body: "") }
            try await withClient(allowing: here) { client in
                _ = try await client.send(
                    OutboundRequest(
                        method: "post", url: "http://127.0.0.1:\(fake.port)/", headers: [("content-type", "a/b")],
                        body: [1, 2, 3], maxRedirects: 1))
            }
            let visit = try #require(fake.visits.last)
            #expect(visit.method == method)
            #expect(visit.body == (method == "POST" ? [1, 2, 3] : []))
            #expect(visit.headers["content-type"] == (method == "POST" ? "a/b" : nil))
        }
    }

    @Test("credentials do not follow to another origin, other headers do")
    func credentials() async throws {
        try await withFakeProvider { first in
            try await withFakeProvider { second in
                let target = "http://127.0.0.1:\(second.port)/"
                first.serve { $0.target == "/" ? .redirect(302, to: "/same") : .redirect(302, to: target) }
                second.serve { _ in .raw(body: "") }
                try await withClient(allowing: here) { client in
                    _ = try await client.send(
                        OutboundRequest(
                            url: "http://127.0.0.1:\(first.port)/",
                            headers: [("Authorization", "Bearer t"), ("Cookie", "c"), ("X-Given", "v")], maxRedirects: 5
                        ))
                }
                #expect(first.visits.map { $0.headers["authorization"] } == ["Bearer t", "Bearer t"])
                let visit = try #require(second.visits.first)
                #expect(visit.headers["authorization"] == nil && visit.headers["cookie"] == nil)
                #expect(visit.headers["x-given"] == "v")
            }
        }
    }

    @Test("a long body is cut and flagged", arguments: [(9, true), (10, false), (11, false)])
    func cut(limit: Int, truncated: Bool) async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "0123456789") }
            try await withClient(allowing: here) { client in
                let answer = try await client.send(
                    OutboundRequest(url: "http://127.0.0.1:\(fake.port)/", maxResponseBytes: limit))
                #expect(answer.truncated == truncated)
                #expect(answer.body.count == min(limit, 10))
            }
        }
    }

    @Test("calls of models and what asks for it use a connection again; whatever else is sent does not")
    func connections() async throws {
        try await withFakeProvider { fake in
            fake.serve { _ in .raw(body: "{}") }
            try await withClient(allowing: here) { client in
                var request = OutboundRequest(url: "http://127.0.0.1:\(fake.port)/")
                func connections(_ send: (OutboundRequest) async throws -> Void) async throws -> Int {
                    let before = fake.connections
                    for _ in 0..<5 { try await send(request) }
                    return fake.connections - before
                }
                for guarded in [false, true] {
                    let made = try await connections { request in
                        try await client.stream(request, guarded: guarded).read { _ in .more }
                    }
                    #expect(made == 1)
                }
                #expect(try await connections { _ = try await client.send($0) } == 5)
                request.keepsConnection = true
                // Those of the guarded calls before are used.
                #expect(try await connections { _ = try await client.send($0) } == 0)
            }
        }
    }

    @Test("a body that breaks off or stalls spoils only what needs it", arguments: [true, false])
    func brokenOff(stalls: Bool) async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(
                stalls ? .text("late and long").waiting(for: gate, after: 1) : .text("a b c").cut(after: 1),
                repeatingLast: true)
            try await withClient(allowing: here) { client in
                var request = OutboundRequest(
                    method: "POST", url: "\(fake.anthropicBaseURL)/v1/messages", headers: [("anthropic-version", "1")],
                    body: streamedModelCall, timeoutSeconds: stalls ? 1 : 10)
                let outcome = try await refusal(client, request)
                let expected: OutboundError.Kind = stalls ? .timeout : .connection
                #expect(outcome == expected)
                request.needsOnlyHead = true
                // The head is there at once, but for how busy the machine is.
                request.timeoutSeconds = 10
                let answer = try await client.send(request)
                #expect(answer.status == 200 && answer.truncated)
            }
            gate.open()
        }
    }

    @Test("a port where nobody listens is unreachable at once")
    func unreachable() async throws {
        try await withClient(allowing: here) { client in
            let request = OutboundRequest(url: "http://127.0.0.1:1/")
            let outcome = try await refusal(client, request)
            #expect(outcome == .unreachable)
        }
    }

    @Test("an answer that does not come is a timeout, and the connection is closed")
    func timeout() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("late").waiting(for: FakeGate()))
            try await withClient(allowing: here) { client in
                let request = OutboundRequest(
                    method: "POST", url: "\(fake.anthropicBaseURL)/v1/messages",
                    headers: [("anthropic-version", "1")], body: plainModelCall, timeoutSeconds: 0.2)
                let outcome = try await refusal(client, request)
                #expect(outcome == .timeout)
            }
            await fake.waitUntilClientLeft()
        }
    }

    @Test("cancelling the task closes the connection at once", arguments: [false, true])
    func cancellation(streamed: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.text("late").waiting(for: FakeGate()))
            try await withClient(allowing: here) { client in
                let request = OutboundRequest(
                    method: "POST", url: "\(fake.anthropicBaseURL)/v1/messages",
                    headers: [("anthropic-version", "1")], body: plainModelCall)
                let call = Task {
                    if streamed { _ = try await client.stream(request) } else { _ = try await client.send(request) }
                }
                await fake.waitForRequests(1)
                call.cancel()
                await fake.waitUntilClientLeft()
                let result = await call.result
                #expect(throws: CancellationError.self) { try result.get() }
            }
        }
    }
}
