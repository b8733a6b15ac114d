/// Tokens of one model call. The four classes are disjoint: a cached token is counted once, in its own class.
public struct TokenUsage: Sendable, Hashable {
    public var input: Int
    public var output: Int
    public var cacheRead: Int
    public var cacheCreation: Int

    public init(input: Int = 0, output: Int = 0, cacheRead: Int = 0, cacheCreation: Int = 0) {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheCreation = cacheCreation
    }

    public static func + (a: TokenUsage, b: TokenUsage) -> TokenUsage {
        TokenUsage(
            input: a.input + b.input, output: a.output + b.output, cacheRead: a.cacheRead + b.cacheRead,
            cacheCreation: a.cacheCreation + b.cacheCreation)
    }
}

/// A tool as it is offered to a model.
public struct ToolDefinition: Sendable, Hashable {
    public let name: String
    public let description: String
    /// JSON Schema of the arguments, always of type object.
    public let inputSchema: JSONValue

    public init(name: String, description: String, inputSchema: JSONValue) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
    }
}

/// A model's wish to have a tool called.
public struct ToolCall: Sendable, Hashable {
    /// The provider's id of the call; the result names it.
    public let id: String
    public let name: String
    /// The arguments as the model gave them. Anything but an object is refused when the tool is run.
    public let arguments: JSONValue

    public init(id: String, name: String, arguments: JSONValue) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// What came of a tool call, as the model reads it.
public struct ToolResult: Sendable, Hashable {
    public let callID: String
    public let name: String
    public let content: String
    public let isError: Bool

    public init(callID: String, name: String, content: String, isError: Bool) {
        self.callID = callID
        self.name = name
        self.content = content
        self.isError = isError
    }
}

/// One message of a conversation with a model, in no provider's dialect.
public enum ModelMessage: Sendable, Hashable {
    case user(String)
    case assistant(text: String, toolCalls: [ToolCall])
    case toolResults([ToolResult])
}

/// One call of a model.
public struct ModelRequest: Sendable {
    public var model: String
    public var system: String
    public var messages: [ModelMessage]
    public var tools: [ToolDefinition]
    public var temperature: Double?
    public var maxTokens: Int
    /// JSON Schema that the final text must satisfy as JSON; the provider enforces it in its own way and the reply's
    /// text is that JSON.
    public var outputSchema: JSONValue?
    /// Whether the provider is asked to stream, so that text can be passed on as it comes.
    public var stream: Bool

    public init(
        model: String, system: String, messages: [ModelMessage], tools: [ToolDefinition], temperature: Double?,
        maxTokens: Int, outputSchema: JSONValue? = nil, stream: Bool
    ) {
        self.model = model
        self.system = system
        self.messages = messages
        self.tools = tools
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.outputSchema = outputSchema
        self.stream = stream
    }
}

/// The complete reply of a model.
public struct ModelReply: Sendable, Hashable {
    public var text: String
    public var toolCalls: [ToolCall]
    public var usage: TokenUsage
    /// Why the model stopped, in the provider's word (`end_turn`, `tool_calls`, `max_tokens`, …).
    public var stopReason: String?

    public init(text: String, toolCalls: [ToolCall] = [], usage: TokenUsage = TokenUsage(), stopReason: String? = nil) {
        self.text = text
        self.toolCalls = toolCalls
        self.usage = usage
        self.stopReason = stopReason
    }
}
