import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Lists of webhooks, rules and cases")
struct ListPagesTests {
    @Test("the lists come in pages, oldest first, and whole when nothing is said")
    func pages() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let agent = try #require(
                try await runtime.call(
                    "agents_create", key: key, ["name": "A", "system_prompt": "x", "provider_type": "demo"])["id"])
            let lists: [(list: String, create: String, made: JSONObject, of: JSONObject)] = [
                ("webhooks_list", "webhooks_create", ["url": "https://1.1.1.1/"], [:]),
                (
                    "alerts_list", "alerts_create",
                    [
                        "condition_type": "run_failed", "channels": ["email"],
                        "notification_config": ["email": "a@example.org"],
                    ], [:]
                ),
                (
                    "evals_list_cases", "evals_create_case",
                    ["agent_id": agent, "input": [:], "assertions": [["type": "no_error"]]], ["agent_id": agent]
                ),
            ]
            for (list, create, made, of) in lists {
                for number in 1...3 {
                    var call = made
                    call["name"] = .string("n\(number)")
                    _ = try await runtime.call(create, key: key, call)
                }
                var paged = of
                paged["limit"] = 2
                let (page, cursor) = try await runtime.result(list, key: key, paged)
                #expect(page.arrayValue?.map { $0["name"] } == ["n1", "n2"], "\(list)")
                paged["cursor"] = .string(try #require(cursor))
                let (rest, end) = try await runtime.result(list, key: key, paged)
                #expect(rest.arrayValue?.map { $0["name"] } == ["n3"] && end == nil, "\(list)")
                #expect(try await runtime.call(list, key: key, of).arrayValue?.count == 3, "\(list)")
            }
        }
    }

    @Test("a disabled webhook is not tried but told to be so")
    func disabled() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let id = try #require(
                try await runtime.call("webhooks_create", key: key, ["url": "https://1.1.1.1/"])["id"])
            _ = try await runtime.call("webhooks_update", key: key, ["webhook_id": id, "enabled": false])
            let told = try await refusal { try await runtime.call("webhooks_test", key: key, ["webhook_id": id]) }
            #expect(told?.code == .conflict && told?.message.contains("disabled") == true)
            #expect(try await runtime.store.count("deliveries") == 0)
        }
    }
}
