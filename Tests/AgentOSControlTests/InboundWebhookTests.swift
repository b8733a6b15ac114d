import AgentOSAutomation
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Links that start runs")
struct InboundWebhookTests {
    /// An agent with a link.
    private struct Scene {
        let runtime: TestRuntime
        let key: String
        let agent: AgentID
        let token: String

        init(_ runtime: TestRuntime, _ members: JSONObject = [:]) async throws {
            self.runtime = runtime
            key = try await runtime.store.key()
            let made = try await runtime.call(
                "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])
            agent = try #require(made["id"]?.stringValue.flatMap { AgentID($0) })
            var call = members
            call["agent_id"] = .string("\(agent)")
            call["inbound_webhook"] = true
            let url = try await runtime.call("agents_update", key: key, call)["inbound_webhook_url"]?.stringValue
            token = try #require(url?.split(separator: "/").last.map(String.init))
        }

        func send(_ body: String, _ headers: [String: String] = [:]) async throws -> RunID {
            let link = try await runtime.automation.link(agent: agent, token: token)
            return try await runtime.automation.receive(
                InboundDelivery(body: Array(body.utf8), headers: headers), over: link)
        }

        func update(_ members: JSONObject) async throws -> JSONValue {
            var call = members
            call["agent_id"] = .string("\(agent)")
            return try await runtime.call("agents_update", key: key, call)
        }

        func shown(_ run: RunID) async throws -> JSONValue {
            try await runtime.call("runs_get", key: key, ["run_id": .string("\(run)")])
        }
    }

    @Test("a signed time is compared with the clock, whatever number it is")
    func times() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(
                runtime, ["inbound_webhook_secret": "whsec_test", "inbound_webhook_style": "stripe"])
            let body = #"{"id":"evt_1"}"#
            let code = "c6b0dc55c17e1c54acd6e8caa43723d3ad29706214e1eb7320969691e37a373f"
            for time in ["-9223372036854775808", "9223372036854775807", "-1", "0", "x", "1778529299", "1778529901"] {
                let told = try await refusal {
                    try await scene.send(body, ["stripe-signature": "t=\(time),v1=\(code)"])
                }
                #expect(told?.code == .unauthenticated, "\(time)")
            }
            // The test's clock stands at this second.
            let first = try await scene.send(body, ["stripe-signature": "t=1778529600,v1=\(code)"])
            #expect(try await scene.shown(first)["external_run_id"] == "evt_1")
        }
    }

    @Test("what no JSON may hold is stored as JSON all the same")
    func bareWords() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let run = try await scene.send(#"{"n":NaN,"i":-Infinity,"s":"a\ud800b","x":[1]}"#)
            let stored = try await runtime.store.runs.detail(run, workspace: runtime.store.workspace.ref.key).input
            let text = String(decoding: stored, as: UTF8.self)
            #expect(!text.contains("NaN") && !text.contains("Infinity") && !text.contains("ud800"))
            #expect(try JSONParser.parse(stored) == ["n": .null, "i": .null, "s": "a\u{FFFD}b", "x": [1]])
        }
    }

    @Test("a delivery that comes again starts no second run, whatever it says then; its name is the run's external id")
    func again() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let first = try await scene.send(#"{"a":1}"#, ["idempotency-key": "job-7"])
            #expect(try await scene.send(#"{"a":2}"#, ["idempotency-key": "job-7"]) == first)
            #expect(try await scene.shown(first)["external_run_id"] == "job-7")
            // Long names are told apart beyond what is kept of them.
            let long = String(repeating: "x", count: 250)
            let third = try await scene.send("{}", ["x-github-delivery": long + "1"])
            #expect(try await scene.send("{}", ["x-github-delivery": long + "2"]) != third)
            // An empty name is none.
            let unnamed = try await scene.send("{}", ["idempotency-key": ""])
            #expect(try await scene.send("{}", ["idempotency-key": ""]) != unnamed)
            #expect(try await scene.shown(unnamed)["external_run_id"] == .null)
        }
    }

    @Test("no key of an invoke takes the name of a delivery")
    func apart() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let id = JSONValue.string("\(scene.agent)")
            func invoked(_ key: String) async throws -> JSONValue? {
                try await runtime.call(
                    "runs_invoke", key: scene.key,
                    ["agent_id": id, "input": ["message": "x"], "idempotency_key": .string(key)])["run_id"]
            }
            let taken = try await invoked("hook:job-9")
            let run = try await scene.send("{}", ["idempotency-key": "job-9"])
            #expect(taken != .string("\(run)"))
            #expect(try await scene.send("{}", ["idempotency-key": "job-9"]) == run)
            #expect(try await invoked("hook:job-9") == taken)
            #expect(try await refusal { try await invoked("hook job-9") }?.details.first?.path == "idempotency_key")
        }
    }

    @Test("a name that a reported run has already still starts a run")
    func taken() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let agent = try await runtime.store.agents.agent(
                scene.agent, workspace: runtime.store.workspace.ref.key)
            let reported = try await runtime.store.run(of: agent, externalID: "job-8")
            let run = try await scene.send("{}", ["idempotency-key": "job-8"])
            #expect(run != reported.id)
            #expect(try await scene.shown(run)["external_run_id"] == .null)
        }
    }

    @Test("the settings of a link change while it stays, and without a link they are refused")
    func settings() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let body = #"{"a":1}"#
            let signed = [
                "x-agentos-signature": "sha256=dfe62afd3a708ea27b217b8cabc11f103edbfb2d176e892a38a2d475a803c4c2"
            ]
            #expect(try await scene.update(["inbound_webhook_secret": "hush"])["inbound_webhook_url"] == nil)
            #expect(try await refusal { try await scene.send(body) }?.code == .unauthenticated)
            _ = try await scene.send(body, signed)
            _ = try await scene.update(["inbound_webhook_template": ["message": "$.a"]])
            let run = try await scene.send(body, signed)
            #expect(try await scene.shown(run)["input"] == ["message": 1])
            _ = try await scene.update(["inbound_webhook_secret": .null, "inbound_webhook_template": .null])
            #expect(try await scene.shown(try await scene.send(body))["input"] == ["a": 1])

            #expect(try await scene.update(["inbound_webhook": false])["inbound_webhook_url"] == .null)
            #expect(try await refusal { try await scene.send(body) }?.code == .notFound)
            let told = try await refusal { try await scene.update(["inbound_webhook_style": "github"]) }
            #expect(told?.details.first?.path == "inbound_webhook_style")
            _ = try await scene.update(["inbound_webhook_secret": .null])
        }
    }

    @Test("an update that is refused for its link changes nothing of the agent")
    func atOnce() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let store = runtime.store
            let elsewhere = try await store.agent("Elsewhere")
            let bad: [(AgentID, JSONObject, String)] = [
                (
                    scene.agent, ["inbound_webhook": true, "inbound_webhook_template": ["m": 5]],
                    "inbound_webhook_template.m"
                ),
                (scene.agent, ["inbound_webhook": false, "inbound_webhook_secret": "s"], "inbound_webhook_secret"),
                (elsewhere.id, ["inbound_webhook": true], "inbound_webhook"),
            ]
            for (agent, members, path) in bad {
                var call = members
                call["agent_id"] = .string("\(agent)")
                call["name"] = "Changed"
                call["webhook_url"] = "https://1.1.1.1/"
                let sent = call
                let told = try await refusal { try await runtime.call("agents_update", key: scene.key, sent) }
                #expect(told?.details.first?.path == path)
                let shown = try await runtime.call(
                    "agents_get", key: scene.key, ["agent_id": .string("\(agent)")])
                #expect(shown["name"] != "Changed" && shown["webhook_url"] == .null)
            }
            _ = try await scene.send("{}")
        }
    }

    @Test("a body that is no JSON is a text, to a template too; of a form its payload counts")
    func otherBodies() async throws {
        try await withRuntime { runtime in
            let scene = try await Scene(runtime)
            let form = ["content-type": "application/x-www-form-urlencoded"]
            let payload = "payload=%7B%22title%22%3A%22It+broke%2C+50%25%22%7D&x=1"
            #expect(try await scene.shown(try await scene.send(payload, form))["input"] == ["title": "It broke, 50%"])
            #expect(try await scene.shown(try await scene.send("a=1&b=2", form))["input"] == ["body": "a=1&b=2"])
            #expect(try await scene.shown(try await scene.send("[1]"))["input"] == ["body": "[1]"])
            _ = try await scene.update(["inbound_webhook_template": ["text": "$.body", "title": "$.title"]])
            #expect(try await scene.shown(try await scene.send("It broke"))["input"] == ["text": "It broke"])
            #expect(try await scene.shown(try await scene.send(payload, form))["input"] == ["title": "It broke, 50%"])
        }
    }
}
