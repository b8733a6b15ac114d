/// Something that must be true of a run. Pure: all it looks at is given.
public struct EvalAssertion: Sendable {
    /// What a run did, as assertions see it.
    public struct Observed: Sendable {
        /// Null when there is none.
        public var output: JSONValue
        public var error: String?
        /// Names of the tools that were called, in order.
        public var tools: [String]
        public var durationMilliseconds: Int
        /// In and out.
        public var tokens: Int
        /// Nil when it is not known.
        public var costUSD: Double?
        /// Model calls.
        public var steps: Int

        public init(
            output: JSONValue, error: String?, tools: [String], durationMilliseconds: Int, tokens: Int,
            costUSD: Double?, steps: Int
        ) {
            self.output = output
            self.error = error
            self.tools = tools
            self.durationMilliseconds = durationMilliseconds
            self.tokens = tokens
            self.costUSD = costUSD
            self.steps = steps
        }

        /// The text of a plain answer, else the output as JSON; nil when there is none.
        public var text: String? { EvalAssertion.plainText(of: output) ?? (output.isNull ? nil : output.text) }
    }

    public struct Result: Sendable {
        public let passed: Bool
        public let actual: JSONValue
        public let expected: JSONValue
    }

    public static let types = [
        "output_contains", "output_not_contains", "output_equals", "output_matches", "json_path_equals", "json_schema",
        "similar_to", "tool_called", "tool_not_called", "tools_in_order", "no_error", "max_duration_ms", "max_tokens",
        "max_cost_usd", "max_steps", "llm_judge",
    ]

    /// The text of an answer that is nothing else.
    public static func plainText(of output: JSONValue) -> String? {
        guard let object = output.objectValue, object.count == 1 else { return nil }
        return object["text"]?.stringValue
    }

    public let type: String
    private let value: JSONValue
    private let schema: JSONSchema?

    /// - Parameter path: where the assertion stands, for messages.
    /// - Throws: VALIDATION_ERROR naming the member.
    public init(_ json: JSONValue, path: String) throws {
        guard let object = json.objectValue else { throw AgentOSError.invalid(path, "must be an object") }
        guard let type = object["type"]?.stringValue, Self.types.contains(type) else {
            throw AgentOSError.invalid("\(path).type", "must be one of " + Self.types.joined(separator: ", "))
        }
        self.type = type
        value = object["value"] ?? .null
        schema = try Self.check(type, value, "\(path).value")
    }

    private static func check(_ type: String, _ value: JSONValue, _ path: String) throws -> JSONSchema? {
        func require(_ fits: Bool, _ kind: String) throws {
            guard fits else { throw AgentOSError.invalid(path, "must be \(kind) for \(type)") }
        }
        func compiled(_ schema: JSONValue) throws -> JSONSchema {
            do {
                return try JSONSchema(schema)
            } catch let error as JSONSchema.Invalid {
                throw AgentOSError.invalid(path, error.message)
            }
        }
        switch type {
        case "no_error": return nil
        case "output_equals": try require(!value.isNull, "a value")
        case "output_matches":
            try require(value.stringValue != nil, "a regular expression")
            return try compiled(["type": "string", "pattern": value])
        case "json_schema":
            try require(value.objectValue != nil, "a JSON Schema")
            return try compiled(value)
        case "json_path_equals":
            try require(value["path"]?.stringValue != nil && value["value"] != nil, "{path, value}")
        case "similar_to":
            let text = value.stringValue ?? value["text"]?.stringValue
            let threshold = value["threshold"]
            try require(
                text != nil && (threshold == nil || threshold?.doubleValue.map { (0...1).contains($0) } == true),
                "a text, or {text, threshold} with a threshold between 0 and 1")
        case "llm_judge":
            let (rubric, threshold, model) = (value["rubric"]?.stringValue, value["threshold"], value["model"])
            try require(
                rubric?.isEmpty == false
                    && (threshold == nil || threshold?.doubleValue.map { (0...1).contains($0) } == true)
                    && (model == nil || model?.stringValue != nil),
                "{rubric, model, threshold} with a text, a model's name and a threshold between 0 and 1")
        case "tools_in_order":
            try require(value.arrayValue?.allSatisfy { $0.stringValue != nil } == true, "a list of tool names")
        case "max_duration_ms", "max_tokens", "max_cost_usd", "max_steps":
            try require(value.doubleValue.map { $0 >= 0 } == true, "a number of at least 0")
        default: try require(value.stringValue != nil, "a string")
        }
        return nil
    }

    /// What a model has to judge; nil for assertions that need none.
    public var rubric: (text: String, model: String?, threshold: Double)? {
        guard type == "llm_judge", let text = value["rubric"]?.stringValue else { return nil }
        return (text, value["model"]?.stringValue, value["threshold"]?.doubleValue ?? 0.7)
    }

    /// What says something of an output, and so does not hold where there is none.
    private static let ofOutput: Set<String> = [
        "output_contains", "output_equals", "output_matches", "json_path_equals", "json_schema", "similar_to",
    ]

    /// Of an assertion that has no rubric.
    public func judge(_ run: Observed) -> Result {
        let given = run.text
        let text = given ?? ""
        let needle = value.stringValue ?? ""
        func result(_ passed: Bool, _ actual: JSONValue, _ expected: JSONValue? = nil) -> Result {
            Result(passed: passed, actual: actual, expected: expected ?? value)
        }
        func atMost(_ actual: Double, _ shown: JSONValue) -> Result {
            result(actual <= (value.doubleValue ?? 0), shown)
        }
        let tools = JSONValue.array(run.tools.map(JSONValue.string))
        if given == nil, Self.ofOutput.contains(type) {
            return result(false, .null, type == "json_path_equals" ? value["value"] : nil)
        }
        switch type {
        case "output_contains": return result(TextSearch.holds(text, needle), .string(text))
        case "output_not_contains": return result(!TextSearch.holds(text, needle), .optional(given))
        case "output_equals":
            return result(Self.areEqual(run.output, value) || Self.areEqual(.string(text), value), run.output)
        case "output_matches": return result(schema?.isValid(.string(text)) ?? false, .string(text))
        case "json_schema": return result(schema?.isValid(run.output) ?? false, run.output)
        case "json_path_equals":
            let found = JSONPath(value["path"]?.stringValue ?? "").value(in: run.output)
            let isEqual = found.map { Self.areEqual($0, value["value"] ?? .null) } ?? false
            return result(isEqual, found ?? .null, value["value"])
        case "similar_to":
            let share = Self.similarity(text, value.stringValue ?? value["text"]?.stringValue ?? "")
            return result(share >= (value["threshold"]?.doubleValue ?? 0.7), .double(share))
        case "tool_called": return result(run.tools.contains(needle), tools)
        case "tool_not_called": return result(!run.tools.contains(needle), tools)
        case "tools_in_order":
            var wanted = (value.arrayValue ?? []).compactMap(\.stringValue)[...]
            for tool in run.tools where tool == wanted.first { wanted = wanted.dropFirst() }
            return result(wanted.isEmpty, tools)
        case "no_error": return result(run.error == nil, run.error.map(JSONValue.string) ?? .null, .null)
        case "max_duration_ms": return atMost(Double(run.durationMilliseconds), .int(run.durationMilliseconds))
        case "max_tokens": return atMost(Double(run.tokens), .int(run.tokens))
        case "max_cost_usd": return run.costUSD.map { atMost($0, .double($0)) } ?? result(false, .null)
        case "max_steps": return atMost(Double(run.steps), .int(run.steps))
        default: return result(false, .null)
        }
    }

    /// Whether two values mean the same: numbers by their value, of any length exactly; objects in any order.
    private static func areEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
        CanonicalJSON.bytes(of: a) == CanonicalJSON.bytes(of: b)
    }

    /// Shared words among all words of both (Jaccard), letter case aside.
    private static func similarity(_ a: String, _ b: String) -> Double {
        func words(_ text: String) -> Set<Substring> {
            Set(text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }))
        }
        let (a, b) = (words(a), words(b))
        let all = a.union(b).count
        return all == 0 ? 1 : Double(a.intersection(b).count) / Double(all)
    }
}
