import AgentOSCore
import Synchronization

/// One reply of a `FakeProvider`.
public struct FakeStep: Sendable {
    enum Content: Sendable {
        case text(chunks: [String])
        case json(JSONValue)
        case tools(calls: [FakeCall], text: String)
        case error(status: Int, message: String, retryAfter: String?)
        case raw(status: Int, contentType: String?, headers: [(name: String, value: String)], body: [UInt8])
    }

    /// A tool call; `id` nil makes one up, `arguments` is the JSON text as it is sent.
    public struct FakeCall: Sendable {
        public var id: String?
        public var name: String
        public var arguments: String

        public init(id: String? = nil, name: String, arguments: String) {
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }

    private(set) var content: Content
    var usage = TokenUsage(input: 11, output: 7)
    var cutAfter: Int?
    var gate: FakeGate?
    var gateAfter = 1

    /// A final text. Streamed it comes a word at a time.
    public static func text(_ text: String) -> FakeStep { .text(chunks: words(of: text)) }

    /// A final text, cut as given when it is streamed.
    public static func text(chunks: [String]) -> FakeStep { FakeStep(content: .text(chunks: chunks)) }

    /// A final answer as JSON: with the tool that the request forces, else as a text.
    public static func json(_ value: JSONValue) -> FakeStep { FakeStep(content: .json(value)) }

    /// Tool calls with their arguments, after an optional text.
    public static func tools(_ calls: (String, JSONValue)..., text: String = "") -> FakeStep {
        .calls(calls.map { FakeCall(name: $0.0, arguments: $0.1.text) }, text: text)
    }

    /// Tool calls exactly as given.
    public static func calls(_ calls: [FakeCall], text: String = "") -> FakeStep {
        FakeStep(content: .tools(calls: calls, text: text))
    }

    /// An error in the provider's own format.
    public static func error(_ status: Int, _ message: String = "scripted error", retryAfter: String? = nil) -> FakeStep
    {
        FakeStep(content: .error(status: status, message: message, retryAfter: retryAfter))
    }

    /// 200 with a body that is no reply at all.
    public static func garbage(_ body: String = "<html>not what you asked for</html>") -> FakeStep {
        FakeStep(content: .raw(status: 200, contentType: nil, headers: [], body: Array(body.utf8)))
    }

    /// Exactly this answer.
    public static func raw(
        status: Int = 200, contentType: String? = nil, headers: [(name: String, value: String)] = [], body: String
    ) -> FakeStep {
        FakeStep(content: .raw(status: status, contentType: contentType, headers: headers, body: Array(body.utf8)))
    }

    public func usage(_ usage: TokenUsage) -> FakeStep { with { $0.usage = usage } }

    /// Drops the connection after that many pieces of content; a plain reply is cut in its middle.
    public func cut(after pieces: Int) -> FakeStep { with { $0.cutAfter = pieces } }

    /// Waits for the gate after that many pieces of content; a plain reply waits before it begins.
    public func waiting(for gate: FakeGate, after pieces: Int = 1) -> FakeStep {
        with {
            $0.gate = gate
            $0.gateAfter = pieces
        }
    }

    /// The step as it is played to a request.
    func played(to request: FakeRequest) -> FakeStep {
        guard case .json(let value) = content else { return self }
        return with { step in
            step.content =
                request.forcedTool.map { .tools(calls: [FakeCall(name: $0, arguments: value.text)], text: "") }
                ?? .text(chunks: Self.words(of: value.text))
        }
    }

    private func with(_ change: (inout FakeStep) -> Void) -> FakeStep {
        var copy = self
        change(&copy)
        return copy
    }

    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            word.append(character)
            if character == " " {
                words.append(word)
                word = ""
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}

/// Holds whoever waits until it is opened; then it stays open.
public final class FakeGate: Sendable {
    private struct State {
        var isOpen = false
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    public init() {}

    public func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume() }
    }

    /// - Throws: `CancellationError` when the task is cancelled first.
    public func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let now = state.withLock { state -> Result<Void, any Error>? in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if state.isOpen { return .success(()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                if let found = state.waiting.removeValue(forKey: id) { return Optional(found) }
                state.cancelled.insert(id)
                return nil
            }
            waiting?.resume(throwing: CancellationError())
        }
    }
}
