import AgentOSCore

/// A request for a page of a `FakeProvider`.
public struct FakeVisit: Sendable {
    public let method: String
    /// Path and query.
    public let target: String
    /// Names in lower case.
    public let headers: [String: String]
    public let body: [UInt8]
}

/// A model call as a `FakeProvider` received it.
public struct FakeRequest: Sendable {
    public enum Dialect: Sendable, Equatable { case anthropic, openAI }

    public let dialect: Dialect
    /// Names in lower case.
    public let headers: [String: String]
    public let body: JSONValue
    /// Whether the client closed the connection while the reply waited at a gate.
    public internal(set) var clientLeft = false

    public var model: String { body["model"]?.stringValue ?? "" }
    public var isStreamed: Bool { body["stream"]?.boolValue ?? false }
    public var messages: [JSONValue] { body["messages"]?.arrayValue ?? [] }

    public var system: String {
        switch dialect {
        case .anthropic: body["system"]?.stringValue ?? ""
        case .openAI: messages.first { $0["role"] == "system" }?["content"]?.stringValue ?? ""
        }
    }

    /// The names of the offered tools.
    public var toolNames: [String] {
        (body["tools"]?.arrayValue ?? []).compactMap { ($0["function"] ?? $0)["name"]?.stringValue }
    }

    /// The one tool that the model must use; nil when it has a choice.
    public var forcedTool: String? {
        let choice = body["tool_choice"]
        return choice?["type"] == "tool" ? choice?["name"]?.stringValue : choice?["function"]?["name"]?.stringValue
    }

    /// The text of the last message of the user, tool results aside.
    public var lastUserText: String {
        for message in messages.reversed() where message["role"] == "user" {
            if let text = message["content"]?.stringValue { return text }
            let texts = (message["content"]?.arrayValue ?? []).filter { $0["type"] == "text" }
            if !texts.isEmpty { return texts.compactMap { $0["text"]?.stringValue }.joined() }
        }
        return ""
    }

    /// The contents of the tool results at the end of the conversation.
    public var toolResults: [String] {
        switch dialect {
        case .anthropic:
            return (messages.last?["content"]?.arrayValue ?? []).filter { $0["type"] == "tool_result" }
                .compactMap { $0["content"]?.stringValue }
        case .openAI:
            let tail = messages.reversed().prefix { $0["role"] == "tool" }
            return tail.reversed().compactMap { $0["content"]?.stringValue }
        }
    }

    /// What the real provider would refuse; nil when nothing.
    var problem: String? {
        guard !model.isEmpty else { return "model: required" }
        guard !messages.isEmpty else { return "messages: at least one message is required" }
        switch dialect {
        case .anthropic:
            guard body["max_tokens"]?.intValue != nil else { return "max_tokens: required" }
            guard headers["anthropic-version"] != nil else { return "anthropic-version: header is required" }
            guard messages[0]["role"] == "user" else { return "messages: first message must use the user role" }
            for (one, next) in zip(messages, messages.dropFirst()) where one["role"] == next["role"] {
                return "messages: roles must alternate"
            }
            for message in messages {
                let blocks = message["content"]?.arrayValue
                if message["content"] == "" || blocks?.isEmpty == true { return "messages: content must be non-empty" }
                for block in blocks ?? [] where block["type"] == "text" && block["text"] == "" {
                    return "messages: text content blocks must be non-empty"
                }
            }
        case .openAI:
            let roles: Set<String> = ["system", "developer", "user", "assistant", "tool"]
            for message in messages where !roles.contains(message["role"]?.stringValue ?? "") {
                return "messages: unknown role"
            }
        }
        return unfitTools ?? unansweredCalls
    }

    private var unfitTools: String? {
        let names = toolNames
        if Set(names).count < names.count { return "tools: names must be unique" }
        if let forcedTool, !names.contains(forcedTool) { return "tool_choice: there is no tool \(forcedTool)" }
        let roots: [JSONValue?]
        switch dialect {
        case .anthropic: roots = (body["tools"]?.arrayValue ?? []).map { $0["input_schema"] }
        case .openAI:
            guard let format = body["response_format"] else { return nil }
            guard format["type"] == "json_schema", format["json_schema"]?["name"]?.stringValue != nil else {
                return "response_format: a named json_schema is required"
            }
            roots = [format["json_schema"]?["schema"]]
        }
        for root in roots where root?["type"] != "object" || root?["anyOf"] != nil || root?["oneOf"] != nil {
            return "the schema must be that of an object, without a choice at its root"
        }
        return nil
    }

    private var unansweredCalls: String? {
        var open: [String] = []
        for message in messages {
            let blocks = message["content"]?.arrayValue ?? []
            if message["role"] == "assistant" {
                guard open.isEmpty else { return "tool calls \(open) were not answered" }
                open = blocks.filter { $0["type"] == "tool_use" }.compactMap { $0["id"]?.stringValue }
                open += (message["tool_calls"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
                continue
            }
            var results = blocks.compactMap { $0["tool_use_id"]?.stringValue }
            if let id = message["tool_call_id"]?.stringValue { results.append(id) }
            for id in results {
                guard let place = open.firstIndex(of: id) else { return "tool result \(id) answers no call" }
                open.remove(at: place)
            }
        }
        return open.isEmpty ? nil : "tool calls \(open) were not answered"
    }
}
