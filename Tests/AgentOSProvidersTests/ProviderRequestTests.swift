import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSTestSupport
import Testing

@Suite("What is sent to the providers", .timeLimit(.minutes(1)))
struct ProviderRequestTests {
    @Test("the key goes where the provider looks for it, without the line break behind it")
    func keys() async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"), repeatingLast: true)
            for dialect in Dialect.allCases {
                _ = try await dialect.provider(fake, client, key: "sk-1\n").reply(to: request())
            }
            _ = try await Dialect.openAI.provider(fake, client, key: nil).reply(to: request())
            let sent = fake.requests
            #expect(sent[0].headers["x-api-key"] == "sk-1")
            #expect(sent[0].headers["anthropic-version"] == "2023-06-01")
            #expect(sent[0].headers["authorization"] == nil)
            #expect(sent[1].headers["authorization"] == "Bearer sk-1")
            #expect(sent[2].headers["authorization"] == nil)
        }
    }

    @Test("the base URL may end as people write it", arguments: ["", "/", "/v1", "/v1/", " "])
    func anthropicBase(ending: String) async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"))
            let credentials = ProviderCredentials(
                apiKey: "k", baseURL: fake.anthropicBaseURL + ending, guarded: false)
            let outcome = try await AnthropicMessages(client: client, credentials: credentials).reply(to: request())
                .text
            #expect(outcome == "ok")
        }
    }

    @Test("the conversation is sent in the provider's form, results with their calls", arguments: Dialect.allCases)
    func conversation(dialect: Dialect) async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"))
            let calls = [
                ToolCall(id: "c1", name: "weather", arguments: ["city": "Bonn"]),
                ToolCall(id: "c2", name: "weather", arguments: .string("{broken")),
            ]
            let messages: [ModelMessage] = [
                .user("check it"), .assistant(text: "", toolCalls: calls),
                .toolResults([
                    ToolResult(callID: "c1", name: "weather", content: "rain", isError: false),
                    ToolResult(callID: "c2", name: "weather", content: "bad arguments", isError: true),
                ]),
            ]
            _ = try await dialect.provider(fake, client)
                .reply(to: request(messages, system: "Be brief.", tools: [weather], temperature: 0.5))
            let sent = try #require(fake.requests.first)
            #expect(sent.system == "Be brief.")
            #expect(sent.lastUserText == "check it")
            #expect(sent.toolResults == ["rain", "bad arguments"])
            #expect(sent.body["temperature"]?.doubleValue == 0.5)
            #expect(sent.body["max_tokens"]?.intValue == 100)
            if dialect == .anthropic {
                let blocks = sent.messages[2]["content"]?.arrayValue ?? []
                #expect(blocks.map { $0["is_error"]?.boolValue } == [false, true])
                #expect(sent.messages[1]["content"]?.arrayValue?[1]["input"]?.objectValue != nil)
            }
        }
    }

    @Test(
        "any history becomes one that Anthropic takes",
        arguments: [
            [ModelMessage.user("a"), .user("b")], [.user("")], [.user(" \n")], [],
            [.assistant(text: "a", toolCalls: [])],
            [.user("a"), .assistant(text: "", toolCalls: []), .user("b")],
            [.user("a"), .assistant(text: "b", toolCalls: []), .assistant(text: "c", toolCalls: []), .user("")],
        ])
    func anyHistory(messages: [ModelMessage]) async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"), repeatingLast: true)
            let outcome = try await Dialect.anthropic.provider(fake, client).reply(to: request(messages)).text
            #expect(outcome == "ok")
            let second = try await Dialect.openAI.provider(fake, client).reply(to: request(messages)).text
            #expect(second == "ok")
        }
    }

    @Test(
        "models that reason get their own limit and no temperature",
        arguments: [
            ("o1-mini", true), ("o3", true), ("o4-mini", true), ("gpt-5-nano", true), ("gpt-4.1-mini", false),
            ("omni", false),
        ])
    func reasoning(model: String, reasons: Bool) async throws {
        try await withProviders { fake, client in
            fake.play(.text("ok"))
            _ = try await Dialect.openAI.provider(fake, client).reply(to: request(model: model, temperature: 0.3))
            let body = fake.requests[0].body
            #expect((body["max_completion_tokens"] != nil) == reasons)
            #expect((body["max_tokens"] != nil) == !reasons)
            #expect((body["temperature"] != nil) == !reasons)
        }
    }

    @Test("a stored base URL that leads inwards is refused")
    func guarded() async throws {
        try await withProviders { fake, client in
            let credentials = ProviderCredentials(apiKey: "k", baseURL: fake.anthropicBaseURL, guarded: true)
            let error = try await AnthropicMessages(client: client, credentials: credentials).failure(of: request())
            #expect(error?.kind == .refused)
            #expect(fake.requests.isEmpty)
        }
    }

    @Test(
        "names of models tell the provider",
        arguments: [
            ("claude-sonnet-4-5", ProviderType.anthropic), ("gpt-4.1", .openai), ("o1", .openai), ("o3-mini", .openai),
            ("o4-mini", .openai), ("chatgpt-4o-latest", .openai), ("demo", .demo), ("llama-3", nil), ("script-1", nil),
            ("", nil),
        ])
    func names(model: String, provider: ProviderType?) {
        #expect(ModelNames.provider(forModel: model) == provider)
    }

    @Test("each provider's default model is its own", arguments: ProviderType.allCases)
    func defaults(provider: ProviderType) {
        #expect(ModelNames.provider(forModel: ModelNames.defaultModel(for: provider)) == provider)
    }
}
