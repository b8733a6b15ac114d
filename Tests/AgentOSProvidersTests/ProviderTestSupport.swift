import AgentOSCore
import AgentOSOutbound
import AgentOSProviders
import AgentOSTestSupport
import Synchronization
import Testing

/// The two providers that speak HTTP.
enum Dialect: String, CaseIterable, Sendable {
    case anthropic, openAI

    func provider(_ fake: FakeProvider, _ client: OutboundClient, key: String? = "sk-test-secret-1")
        -> any ModelProvider
    {
        switch self {
        case .anthropic:
            AnthropicMessages(client: client, credentials: credentials(fake.anthropicBaseURL, key))
        case .openAI: OpenAIChat(client: client, credentials: credentials(fake.openAIBaseURL, key))
        }
    }

    private func credentials(_ base: String, _ key: String?) -> ProviderCredentials {
        ProviderCredentials(apiKey: key, baseURL: base, guarded: false)
    }
}

/// A road taken by a call: which provider, and whether streamed.
struct Road: Sendable, CustomTestStringConvertible {
    let dialect: Dialect
    let stream: Bool

    static let all = Dialect.allCases.flatMap { [Road(dialect: $0, stream: false), Road(dialect: $0, stream: true)] }
    var testDescription: String { "\(dialect.rawValue), \(stream ? "streamed" : "plain")" }
}

/// Runs a fake provider and a client, and shuts both down.
func withProviders<Result>(
    _ body: (FakeProvider, OutboundClient) async throws -> Result
) async throws -> Result {
    try await withFakeProvider { fake in
        let client = OutboundClient(policy: OutboundPolicy())
        do {
            let result = try await body(fake, client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// A request with one user message, or with the given conversation.
func request(
    _ messages: [ModelMessage] = [.user("hi")], model: String = "m", system: String = "", tools: [ToolDefinition] = [],
    temperature: Double? = nil, outputSchema: JSONValue? = nil, stream: Bool = false
) -> ModelRequest {
    ModelRequest(
        model: model, system: system, messages: messages, tools: tools, temperature: temperature, maxTokens: 100,
        outputSchema: outputSchema, stream: stream)
}

let weather = ToolDefinition(
    name: "weather", description: "Tells the weather.",
    inputSchema: ["type": "object", "properties": ["city": ["type": "string"]]])

/// The pieces of text that were passed on.
final class Pieces: Sendable {
    private let pieces = Mutex<[String]>([])
    var all: [String] { pieces.withLock { $0 } }
    func add(_ texts: [String]) { pieces.withLock { $0 += texts } }
}

extension ModelProvider {
    func reply(to request: ModelRequest) async throws -> ModelReply { try await reply(to: request) { _ in } }

    /// The error that a call ends with.
    func failure(of request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void = { _ in }) async throws
        -> ProviderError?
    {
        do {
            _ = try await reply(to: request, onText: onText)
            return nil
        } catch let error as ProviderError {
            return error
        }
    }
}
