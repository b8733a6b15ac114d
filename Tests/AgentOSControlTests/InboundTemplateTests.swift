import AgentOSAutomation
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Templates of inbound links")
struct InboundTemplateTests {
    @Test("parts of the body become members of the input")
    func template() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let id = try #require(
                try await runtime.call(
                    "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])["id"])
            let made = try await runtime.call(
                "agents_update", key: key,
                [
                    "agent_id": id, "inbound_webhook": true,
                    "inbound_webhook_template": [
                        "message": "$.issue.title", "first": "/issue/labels/0/name", "all": "$", "gone": "$.none",
                    ],
                ])
            let url = try #require(made["inbound_webhook_url"]?.stringValue)
            let agent = try #require(id.stringValue.flatMap { AgentID($0) })
            let token = try #require(url.split(separator: "/").last.map(String.init))
            let body = #"{"issue":{"title":"It broke","labels":[{"name":"bug"}]}}"#
            let link = try await runtime.automation.link(agent: agent, token: token)
            let run = try await runtime.automation.receive(
                InboundDelivery(body: Array(body.utf8), headers: [:]), over: link)
            let input = try await runtime.call("runs_get", key: key, ["run_id": .string("\(run)")])["input"]
            #expect(input?["message"] == "It broke" && input?["first"] == "bug")
            #expect(input?["all"]?["issue"]?["title"] == "It broke" && input?["gone"] == nil)
            for path: JSONValue in [5, "", "$[", "$.", "$.a]", "$..a", "/a//b", "$.a[]", "$[0", "a[0]b"] {
                let bad = try await refusal {
                    try await runtime.call(
                        "agents_update", key: key,
                        ["agent_id": id, "inbound_webhook": true, "inbound_webhook_template": ["message": path]])
                }
                #expect(bad?.details.first?.path == "inbound_webhook_template.message", "\(path)")
            }
            for path in ["$", "$.a[0].b", "$[0]", "a.b", "[0].a", "/a/0", "$schema", "$.$schema"] {
                #expect(JSONPath.isPath(path), "\(path)")
            }
        }
    }
}
