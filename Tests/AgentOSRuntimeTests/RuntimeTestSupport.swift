import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire

extension TestRuntime {
    /// A hosted agent whose model is the fake's.
    func agent(
        _ provider: ProviderType = .anthropic, tools: [String] = [], change: (inout Agent) -> Void = { _ in }
    ) async throws -> Agent {
        try await store.agent("Tester", runtime: .hosted) { draft in
            draft.providerType = provider
            draft.model = "test-model"
            draft.systemPrompt = "Be brief."
            draft.tools = tools
            change(&draft)
        }
    }

    func say(_ text: String, to agent: Agent, _ change: (inout InvokeRequest) -> Void = { _ in }) async throws -> LiveRun {
        var request = InvokeRequest(input: JSONValue.object(["message": .string(text)]).encoded)
        change(&request)
        return try await runtime.invoke(agent, request).run
    }

    func events(_ live: LiveRun) async throws -> [JSONValue] { try await store.events(live.ref).map(\.json) }

    func detail(_ live: LiveRun) async throws -> RunDetail {
        try await store.runs.detail(live.ref.id, workspace: live.ref.workspaceKey)
    }
}

extension RunResult {
    /// The output of a completed run.
    var output: JSONValue? {
        if case .completed(let output, _) = self { try? JSONParser.parse(output) } else { nil }
    }

    var error: AgentOSError? {
        if case .failed(let error) = self { error } else { nil }
    }
}

extension [JSONValue] {
    var types: [String] { compactMap { $0["type"]?.stringValue } }

    func first(_ type: String) -> JSONValue? { first { $0["type"]?.stringValue == type } }
}
