import AgentOSCore
import AgentOSStore

/// Why a tool call brought no result; the text goes back to the model.
public struct ToolFailure: Error, Sendable {
    public let message: String

    public init(_ message: String) { self.message = message }
}

/// What a tool may know of the run it works for.
public struct ToolContext: Sendable {
    public let run: LiveRun
    public let workspace: WorkspaceRef
    public let isTest: Bool
    /// The same for every try of this call, and of no other call: sent as `Idempotency-Key`.
    public let idempotencyKey: UUIDBits
    /// What a run that the call starts may spend; nil: there is no limit.
    public let costShare: Money?
}

/// What came of a call.
public struct ToolOutcome: Sendable {
    /// As the model reads it.
    public var content: String
    public var isError: Bool
    /// What a run that the call started spent.
    public var cost: Money?

    public init(_ content: String, isError: Bool = false, cost: Money? = nil) {
        self.content = content
        self.isError = isError
        self.cost = cost
    }
}

/// What to do with a call of which nobody knows whether it took effect, since the process died meanwhile.
public enum UnknownOutcome: String, Sendable, CaseIterable {
    /// Call again: the tool recognises the repeat or changes nothing.
    case retry
    /// Ask a person.
    case ask
    /// Tell the model.
    case report
}

/// How a call of a tool gets its result.
public enum ToolInteraction: Sendable {
    /// By `Tool.call`.
    case call
    /// From a person: the run waits for the answer.
    case question
}

/// Something a model can call.
public protocol Tool: Sendable {
    var definition: ToolDefinition { get }

    /// Whether any call of the tool can change something.
    var writes: Bool { get }

    /// Whether this call can change something; such calls are stubbed in test runs.
    func writes(_ arguments: JSONObject) -> Bool

    var interaction: ToolInteraction { get }

    /// Whether each call waits for a person's yes, whatever the agent says.
    var requiresApproval: Bool { get }

    /// Whether calls start runs, which spend what the run that calls may spend.
    var startsRuns: Bool { get }

    func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome

    /// Stands in for the call in a test run; nil runs it as it is (the tool passes the test on).
    func stub(_ arguments: JSONObject, isGated: Bool) -> JSONValue?

    /// - Throws: `ToolFailure` for the model to read; `CancellationError`.
    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String

    /// As `call`, with more to tell than a text. The runtime calls this one.
    func outcome(of arguments: JSONObject, _ context: ToolContext) async throws -> ToolOutcome
}

extension Tool {
    public var interaction: ToolInteraction { .call }

    public var requiresApproval: Bool { false }

    public var startsRuns: Bool { false }

    public func writes(_ arguments: JSONObject) -> Bool { writes }

    public func unknownOutcome(_ arguments: JSONObject) -> UnknownOutcome { writes(arguments) ? .report : .retry }

    public func stub(_ arguments: JSONObject, isGated: Bool) -> JSONValue? {
        guard isGated || writes(arguments) else { return nil }
        return ["stubbed": true, "tool": .string(definition.name), "input": .object(arguments)]
    }
}

extension Tool {
    public func outcome(of arguments: JSONObject, _ context: ToolContext) async throws -> ToolOutcome {
        ToolOutcome(try await call(arguments, context))
    }
}

/// Reads the arguments that a model gave.
struct Arguments {
    let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    func optionalString(_ name: String) throws -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.stringValue else {
            throw ToolFailure("\(name) must be a string, not \(value.kindName).")
        }
        return text
    }

    func string(_ name: String) throws -> String {
        guard let text = try optionalString(name), !text.isEmpty else { throw ToolFailure("\(name) is required.") }
        return text
    }

    func optionalObject(_ name: String) throws -> JSONObject? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let object = value.objectValue else {
            throw ToolFailure("\(name) must be an object, not \(value.kindName).")
        }
        return object
    }

    /// Names and texts; anything but a text is refused.
    func optionalTexts(_ name: String) throws -> [(name: String, value: String)] {
        try (optionalObject(name)?.members ?? []).map { key, value in
            guard let text = value.stringValue else { throw ToolFailure("\(name).\(key) must be a string.") }
            return (key, text)
        }
    }
}

/// Tools that a workspace brings along: its HTTP tools, its MCP servers.
public protocol ToolSource: Sendable {
    /// Those of the names that are this source's, in no order. Names of tools that are gone are left out.
    func tools(named names: [String], workspace: WorkspaceRef) async throws -> [any Tool]
}

/// The tools that an agent can be given by name.
public struct ToolShelf: Sendable {
    private let tools: [String: any Tool]
    private let order: [String]
    private let schemas: [String: JSONSchema]

    public init(_ tools: [any Tool]) {
        order = tools.map(\.definition.name)
        self.tools = Dictionary(tools.map { ($0.definition.name, $0) }, uniquingKeysWith: { first, _ in first })
        schemas = self.tools.compactMapValues { try? JSONSchema($0.definition.inputSchema) }
    }

    /// Adds further tools; a name that is taken stays what it is.
    func adding(_ more: [any Tool]) -> ToolShelf {
        more.isEmpty ? self : ToolShelf(all + more.filter { tools[$0.definition.name] == nil })
    }

    /// What is wrong with arguments of a tool.
    func issues(in arguments: JSONObject, of name: String) -> [JSONSchema.Issue] {
        schemas[name]?.issues(in: .object(arguments)) ?? []
    }

    /// Why a call cannot be made, as the model reads it; nil when its arguments are what the tool wants.
    func problem(with call: ToolCall) -> String? {
        guard call.arguments.objectValue != nil else { return "The arguments of \(call.name) must be a JSON object." }
        guard let issues = schemas[call.name]?.issues(in: call.arguments), !issues.isEmpty else { return nil }
        return "The arguments of \(call.name) are not valid: "
            + issues.map { $0.path.isEmpty ? $0.message : "\($0.path): \($0.message)" }.joined(separator: "; ") + "."
    }

    public subscript(_ name: String) -> (any Tool)? { tools[name] }

    public var all: [any Tool] { order.compactMap { tools[$0] } }

    /// What a model is offered, in the agent's order. A tool that is gone is simply not offered.
    func definitions(_ names: [String]) -> [ToolDefinition] { names.compactMap { tools[$0]?.definition } }
}
