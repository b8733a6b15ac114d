import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

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

    func say(_ text: String, to agent: Agent, _ change: (inout InvokeRequest) -> Void = { _ in }) async throws
        -> LiveRun
    {
        var request = InvokeRequest(input: JSONValue.object(["message": .string(text)]).encoded)
        change(&request)
        return try #require(try await runtime.invoke(agent, request).live)
    }

    /// A hosted run of the agent whose frames are read from the start.
    func stream(_ agent: Agent) async throws -> (live: LiveRun, frames: RunStream) {
        let started = try await runtime.invoke(agent, InvokeRequest(stream: true))
        return (try #require(started.live), runtime.stream(started))
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

extension RunStream {
    /// Frames up to the one that ends the stream, or so many.
    func read(atMost count: Int = .max) async throws -> [RunFrame] {
        var out: [RunFrame] = []
        while out.count < count, out.last?.frame.isTerminal != true {
            guard case .frames(let more) = try await next(seconds: 30) else { break }
            out += more
        }
        return out
    }
}
