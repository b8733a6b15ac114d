import AgentOSCore

/// A provider without a model behind it, for trying the server out: it needs no key, costs nothing and always answers
/// the same to the same.
///
/// It says what it was given, so that memory can be seen, and uses one of the tools it is offered. Where a schema asks
/// for JSON, it makes some up.
public struct DemoProvider: ModelProvider {
    public static let model = "demo"
    /// How much of a text is echoed, in characters.
    static let echoLimit = 1000

    public init() {}

    public func reply(
        to request: ModelRequest, onText: @escaping @Sendable ([String]) -> Void
    ) async throws -> ModelReply {
        try Task.checkCancellation()
        let turn = request.messages.lastIndex { if case .user = $0 { true } else { false } }
        let said = turn.map { Self.text(of: request.messages[$0]) } ?? ""
        let results = request.messages[(turn.map { $0 + 1 } ?? 0)...].flatMap { message -> [ToolResult] in
            if case .toolResults(let results) = message { results } else { [] }
        }
        if results.isEmpty, let call = Self.call(in: request, said: said) {
            return ModelReply(text: "", toolCalls: [call], usage: usage(of: request, output: 8), stopReason: "tool_use")
        }
        let text =
            request.outputSchema.map { DemoOutput.value(for: $0).text }
            ?? Self.answer(to: said, earlier: request.messages[..<(turn ?? 0)], results: results)
        if request.stream {
            for piece in Self.pieces(of: text) {
                try Task.checkCancellation()
                onText([piece])
            }
        }
        let output = (text.utf8.count + 3) / 4
        return ModelReply(text: text, usage: usage(of: request, output: output), stopReason: "end_turn")
    }

    private static func answer(to said: String, earlier: ArraySlice<ModelMessage>, results: [ToolResult]) -> String {
        var text = "This is the demo model: it answers without a language model behind it. "
        text += said.isBlank ? "You said nothing." : "You said: \"\(echo(said))\"."
        for result in results {
            text += result.isError ? " The tool \(result.name) failed: " : " The tool \(result.name) answered: "
            text += "\(echo(result.content))."
        }
        let turns = earlier.compactMap { message -> String? in
            if case .user(let text) = message { text } else { nil }
        }
        switch turns.count {
        case 0: text += " I was given no earlier turns."
        case 1: text += " I was given 1 earlier turn: \"\(echo(turns[0]))\"."
        default: text += " I was given \(turns.count) earlier turns, the first of them \"\(echo(turns[0]))\"."
        }
        return text
    }

    /// The one call that shows a tool at work; nil when none of the tools fits.
    private static func call(in request: ModelRequest, said: String) -> ToolCall? {
        let offered = Set(request.tools.map(\.name))
        let id = "demo_call_\(request.messages.count)"
        // Only when asked for, since the same question must get the same answer.
        if offered.contains("current_time"), said.lowercased().contains("time") {
            return ToolCall(id: id, name: "current_time", arguments: [:])
        }
        guard let url = url(in: said) else { return nil }
        if offered.contains("read_url") { return ToolCall(id: id, name: "read_url", arguments: ["url": .string(url)]) }
        guard offered.contains("http_request") else { return nil }
        return ToolCall(id: id, name: "http_request", arguments: ["method": "GET", "url": .string(url)])
    }

    /// The first http or https URL of a text.
    static func url(in text: String) -> String? {
        for word in text.split(whereSeparator: { $0.isWhitespace || "\"'<>`\\".contains($0) }) {
            let lower = word.lowercased()
            for scheme in ["https://", "http://"] {
                guard let start = lower.utf8.firstIndex(of: UInt8(ascii: "h")), lower[start...].hasPrefix(scheme),
                    lower[..<start].allSatisfy({ !$0.isLetter })
                else { continue }
                var url = word.drop { $0 != "h" && $0 != "H" }
                while let last = url.last, ".,;:!?)]}".contains(last) { url.removeLast() }
                if url.utf8.count > scheme.utf8.count { return String(url) }
            }
        }
        return nil
    }

    private static func text(of message: ModelMessage) -> String {
        if case .user(let text) = message { text } else { "" }
    }

    private static func echo(_ text: String) -> String {
        text.count > echoLimit ? String(text.prefix(echoLimit)) + "…" : text
    }

    /// The text in pieces of three words.
    static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var words = 0
        for character in text {
            piece.append(character)
            if character == " " { words += 1 }
            if words == 3 {
                pieces.append(piece)
                piece = ""
                words = 0
            }
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// An estimate, a token for every four bytes, so that counts and charts have something to show.
    private func usage(of request: ModelRequest, output: Int) -> TokenUsage {
        var bytes = request.system.utf8.count
        for message in request.messages {
            switch message {
            case .user(let text), .assistant(let text, _): bytes += text.utf8.count
            case .toolResults(let results): bytes += results.reduce(0) { $0 + $1.content.utf8.count }
            }
        }
        return TokenUsage(input: (bytes + 3) / 4, output: output)
    }
}
