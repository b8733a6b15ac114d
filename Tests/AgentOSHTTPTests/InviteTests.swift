import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Invites, over a socket")
struct InviteTests {
    private let form = [("content-type", "application/x-www-form-urlencoded")]

    /// Invites an address and returns the path of its link.
    private func invite(
        _ server: TestServer, _ email: String, role: String = "member", key: String? = nil, workspace: String? = nil
    ) async throws -> String {
        var body: JSONObject = ["email": .string(email), "role": .string(role)]
        if let workspace { body["workspace"] = .string(workspace) }
        let answer = try await server.send("/api/v1/rpc/members_invite", key: key ?? server.userKey, .object(body))
        let url = try #require(answer.data["invite_url"]?.stringValue, "\(answer.text)")
        let token = try #require(url.split(separator: "/").last)
        return "/invites/\(token)"
    }

    @Test("somebody new joins with a name of a form and gets a personal key, once")
    func somebodyNew() async throws {
        try await withServer { server in
            let path = try await invite(server, "ada@example.org")
            let shown = try await server.send("GET", path)
            #expect(shown.data["email"] == "ada@example.org" && shown.data["has_account"] == false)
            let named = Array("name=Ada+L%C3%B6velace&x".utf8)
            let joined = try await server.send("POST", path, headers: form, body: named)
            let key = try #require(joined.data["api_key"]?.stringValue)
            let people = try await server.send("/api/v1/rpc/members_list", key: key, [:])
            #expect(people.data["members"]?.arrayValue?.last?["name"] == "Ada Lövelace")
            #expect(try await server.send("POST", path, headers: form, body: []).status == 409)
        }
    }

    @Test(
        "a form that is none is refused, but only behind the link", arguments: ["name=%zz", "name=%", "name=%ff", "%"])
    func brokenForms(text: String) async throws {
        try await withServer { server in
            let body = Array(text.utf8)
            #expect(try await server.send("POST", "/invites/nope", headers: form, body: body).status == 404)
            let path = try await invite(server, "ada@example.org")
            #expect(try await server.send("POST", path, headers: form, body: body).errorCode == "VALIDATION_ERROR")
            #expect(try await server.send("POST", path, headers: form, body: Array("name=Ada".utf8)).status == 200)
        }
    }

    @Test("an address that has an account is joined with a key of that account, and with no other")
    func existingAccount() async throws {
        try await withServer { server in
            let store = server.store
            // Anybody can make a workspace and invite whom they like there.
            let viewer = try await store.key(user: try await store.member(.viewer))
            let made = try await server.send("/api/v1/rpc/workspaces_create", key: viewer, ["name": "Trap"])
            let slug = try #require(made.data["slug"]?.stringValue)
            let path = try await invite(
                server, "OWNER@example.org", role: "admin", key: viewer, workspace: slug)
            #expect(try await server.send("GET", path).data["has_account"] == true)
            let page = try await server.send("GET", path, headers: [("accept", "text/html")])
            #expect(page.text.contains("has an account here already") && !page.text.contains("<form"))
            for key in [nil, viewer, server.workspaceKey, "aos_user_nonsense"] {
                let refused = try await server.send("POST", path, key: key, body: Array("{}".utf8))
                #expect(refused.status == 401 && refused.header("www-authenticate") == "Bearer")
                #expect(refused.errorCode == "UNAUTHENTICATED")
            }
            let told = try await server.send("POST", path, key: viewer, headers: [("accept", "text/html")])
            #expect(told.status == 401 && told.text.contains("authorization: Bearer"))
            let joined = try await server.send("POST", path, key: server.userKey, body: Array("{}".utf8))
            #expect(joined.status == 200 && joined.data["role"] == "admin" && joined.data["api_key"] == nil)
            let mine = try await server.send("/api/v1/rpc/workspaces_list", key: server.userKey, [:])
            #expect(mine.data.arrayValue?.contains { $0["slug"]?.stringValue == slug } == true)
            #expect(try await store.count("api_keys WHERE user_key = \(store.owner)") == 1)
        }
    }

    @Test("a workspace key invites as an admin does, but nobody as owner")
    func workspaceKey() async throws {
        try await withServer { server in
            for (role, status) in [("admin", 200), ("member", 200), ("viewer", 200), ("owner", 400)] {
                let body: JSONValue = ["email": .string("\(role)@example.org"), "role": .string(role)]
                let answer = try await server.send("/api/v1/rpc/members_invite", key: server.workspaceKey, body)
                #expect(answer.status == status, "\(role): \(answer.text)")
            }
        }
    }

    @Test("an address has one open link, however it is written")
    func oneLink() async throws {
        try await withServer { server in
            let first = try await invite(server, "twice@example.org")
            _ = try await invite(server, "Twice@Example.org")
            #expect(try await server.send("GET", first).status == 404)
            let people = try await server.send("/api/v1/rpc/members_list", key: server.userKey, [:])
            #expect(people.data["invites"]?.arrayValue?.count == 1)
        }
    }

    @Test("a link is mailed in the transaction that makes it, where mail can be sent")
    func mail() async throws {
        try await withStore { store in
            _ = try await store.members.invite(
                email: "ada@example.org", role: .member, workspace: store.workspace, mailing: nil)
            #expect(try await store.count("jobs") == 0)
            let (_, token) = try await store.members.invite(
                email: "ada@example.org", role: .member, workspace: store.workspace
            ) { "https://agents.example/invites/\($0)" }
            let payload = try await store.database.read { connection in
                try connection.row("SELECT payload FROM jobs WHERE kind = 'mail.send'") { $0.json(0) }
            }
            let mail = try #require(payload.flatMap { $0 }.flatMap { OutgoingMail($0) })
            #expect(mail.to == ["ada@example.org"] && mail.subject.contains("Main"))
            #expect(mail.facts.contains { $0.value == "https://agents.example/invites/\(token)" })
        }
    }
}
