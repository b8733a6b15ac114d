import AgentOSCore

/// What values a parameter can have.
public indirect enum ParameterType: Sendable {
    case uuid
    /// Length in Unicode code points.
    case string(ClosedRange<Int>)
    case choice([String])
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case boolean
    case object
    case array(ParameterType, ClosedRange<Int>)

    var phrase: String {
        switch self {
        case .uuid: "a UUID"
        case .string: "a string"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .integer: "an integer"
        case .number: "a number"
        case .boolean: "a boolean"
        case .object: "an object"
        case .array: "an array"
        }
    }

    /// - Throws: VALIDATION_ERROR naming the path.
    func check(_ value: JSONValue, _ path: String) throws {
        func wrongType() -> AgentOSError { .invalid(path, "must be \(phrase), not \(value.kindName)") }
        switch self {
        case .uuid:
            guard let text = value.stringValue else { throw wrongType() }
            guard UUIDBits(text) != nil else { throw AgentOSError.invalid(path, "must be a UUID") }
        case .string(let range):
            guard let text = value.stringValue else { throw wrongType() }
            let length = text.unicodeScalars.count
            if length < range.lowerBound { throw AgentOSError.invalid(path, "must not be empty") }
            if length > range.upperBound {
                throw AgentOSError.invalid(path, "must be at most \(range.upperBound) characters long, not \(length)")
            }
        case .choice(let words):
            guard let text = value.stringValue else { throw wrongType() }
            guard words.contains(text) else { throw AgentOSError.invalid(path, "must be \(phrase)") }
        case .integer(let range):
            guard case .number = value else { throw wrongType() }
            guard let number = value.intValue, range.contains(number) else {
                throw AgentOSError.invalid(
                    path, "must be an integer between \(range.lowerBound) and \(range.upperBound)")
            }
        case .number(let range):
            guard case .number = value else { throw wrongType() }
            guard let number = value.doubleValue, range.contains(number) else {
                throw AgentOSError.invalid(path, "must be a number between \(range.lowerBound) and \(range.upperBound)")
            }
        case .boolean: guard value.boolValue != nil else { throw wrongType() }
        case .object: guard value.objectValue != nil else { throw wrongType() }
        case .array(let element, let range):
            guard let items = value.arrayValue else { throw wrongType() }
            guard range.contains(items.count) else {
                throw AgentOSError.invalid(path, "must hold \(range.lowerBound) to \(range.upperBound) items")
            }
            for (index, item) in items.enumerated() { try element.check(item, "\(path)[\(index)]") }
        }
    }

    /// As JSON Schema.
    var schema: JSONObject {
        switch self {
        case .uuid: ["type": "string", "format": "uuid"]
        case .string(let range):
            range.upperBound == Int.max
                ? ["type": "string", "minLength": .int(range.lowerBound)]
                : ["type": "string", "minLength": .int(range.lowerBound), "maxLength": .int(range.upperBound)]
        case .choice(let words): ["type": "string", "enum": .array(words.map(JSONValue.string))]
        case .integer(let range):
            ["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)]
        case .number(let range):
            ["type": "number", "minimum": .double(range.lowerBound), "maximum": .double(range.upperBound)]
        case .boolean: ["type": "boolean"]
        case .object: ["type": "object"]
        case .array(let element, let range):
            [
                "type": "array", "items": .object(element.schema), "minItems": .int(range.lowerBound),
                "maxItems": .int(range.upperBound),
            ]
        }
    }
}

/// One parameter of an operation.
public struct Parameter: Sendable {
    public let name: String
    public let type: ParameterType
    public let isRequired: Bool
    public let summary: String
    /// Never shown again, not even in the audit log.
    public var isSecret = false
    /// Whether what it sets always has a value, so that `null`, which clears, is refused.
    var isLasting = false
    /// Why it is not taken; then it is no parameter, but is not passed over either.
    var refusal: String?

    /// A parameter that may be left out. `null` means the same, or on updates: clear it.
    public static func optional(_ name: String, _ type: ParameterType, _ summary: String) -> Parameter {
        Parameter(name: name, type: type, isRequired: false, summary: summary)
    }

    public static func required(_ name: String, _ type: ParameterType, _ summary: String) -> Parameter {
        Parameter(name: name, type: type, isRequired: true, summary: summary)
    }

    /// What callers might take for a parameter: to pass it over would let them think that it worked.
    static func refused(_ name: String, _ reason: String) -> Parameter {
        var parameter = Parameter.optional(name, .object, "")
        parameter.refusal = reason
        return parameter
    }

    /// The same for an update of what cannot be cleared.
    var lasting: Parameter {
        var copy = self
        copy.isLasting = true
        return copy
    }

    /// The same, kept out of the audit log.
    var secret: Parameter {
        var copy = self
        copy.isSecret = true
        return copy
    }
}

/// The parameters of an operation: checked by one piece of code, whoever calls.
public struct ParameterSchema: Sendable {
    public let parameters: [Parameter]
    private let byName: [String: Parameter]

    public init(_ parameters: [Parameter]) {
        self.parameters = parameters.filter { $0.refusal == nil }
        byName = Dictionary(parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Members of other names are passed over: callers may know of more than this server does.
    /// - Throws: VALIDATION_ERROR naming the first parameter that is missing, repeated, ill-typed or refused.
    public func check(_ object: JSONObject) throws -> Parameters {
        var known = JSONObject()
        for (name, value) in object.members {
            guard let parameter = byName[name] else {
                if name == "workspace" { known[name] = value }
                continue
            }
            if let refusal = parameter.refusal { throw AgentOSError.invalid(name, refusal) }
            if object.repeated.contains(name) { throw AgentOSError.invalid(name, "is given more than once") }
            if !value.isNull {
                try parameter.type.check(value, name)
            } else if parameter.isRequired {
                throw AgentOSError.invalid(name, "is required")
            } else if parameter.isLasting {
                throw AgentOSError.invalid(name, "cannot be cleared")
            }
            known[name] = value
        }
        for parameter in parameters where parameter.isRequired && known[parameter.name] == nil {
            throw AgentOSError.invalid(parameter.name, "is required")
        }
        return Parameters(object: known)
    }

    /// Checks an object that is itself a parameter; what it may hold is all there is to it.
    /// - Throws: VALIDATION_ERROR naming the whole path.
    func check(_ object: JSONObject, inside path: String) throws -> Parameters {
        do {
            for name in object.keys where byName[name] == nil {
                throw AgentOSError.invalid(name.isEmpty ? "\"\"" : name, "is unknown")
            }
            return try check(object)
        } catch var error as AgentOSError {
            error.details = error.details.map { FieldError(path: "\(path).\($0.path)", message: $0.message) }
            error.message = "\(path).\(error.message)"
            throw error
        }
    }

    /// Without the values of secret parameters, and with long texts cut.
    func withoutSecrets(_ object: JSONObject) -> JSONObject {
        var out = JSONObject()
        for (name, value) in object.members where name != "workspace" {
            if byName[name]?.isSecret == true, !value.isNull {
                out[name] = "[hidden]"
            } else if let text = value.stringValue, text.utf8.count > 2000 {
                out[name] = .string(text.prefix(2000) + "…")
            } else {
                out[name] = value
            }
        }
        return out
    }

    /// The whole as JSON Schema, with the `workspace` that every method takes.
    /// - Parameters:
    ///   - workspaceMatters: whether the method looks at it.
    ///   - allowsNull: whether to say that null does for what is not required.
    public func schema(workspaceMatters: Bool = true, allowsNull: Bool = false) -> JSONValue {
        var out = plainSchema(allowsNull: allowsNull)
        var properties = out["properties"]?.objectValue ?? JSONObject()
        properties["workspace"] =
            workspaceMatters
            ? ["type": ["string", "null"], "description": "Slug or id of the workspace."] : ["description": "Ignored."]
        out["properties"] = .object(properties)
        return .object(out)
    }

    /// The parameters alone.
    func plainSchema(allowsNull: Bool = false) -> JSONObject {
        var properties = JSONObject()
        for parameter in parameters {
            var schema = parameter.type.schema
            if allowsNull, !parameter.isRequired, !parameter.isLasting, let type = schema["type"] {
                schema["type"] = .array([type, "null"])
                if let words = schema["enum"]?.arrayValue { schema["enum"] = .array(words + [.null]) }
            }
            schema["description"] = .string(parameter.summary)
            properties[parameter.name] = .object(schema)
        }
        var out: JSONObject = ["type": "object", "properties": .object(properties)]
        let required = parameters.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { out["required"] = .array(required) }
        return out
    }
}

/// Checked parameters.
public struct Parameters: Sendable {
    public let object: JSONObject

    /// Given and not null.
    func value(_ name: String) -> JSONValue? { object[name].flatMap { $0.isNull ? nil : $0 } }

    /// Whether the parameter is there at all, `null` included.
    func mentions(_ name: String) -> Bool { object[name] != nil }

    func string(_ name: String) -> String? { value(name)?.stringValue }
    func int(_ name: String) -> Int? { value(name)?.intValue }
    func double(_ name: String) -> Double? { value(name)?.doubleValue }
    func bool(_ name: String) -> Bool? { value(name)?.boolValue }
    func object(_ name: String) -> JSONObject? { value(name)?.objectValue }
    func strings(_ name: String) -> [String]? { value(name)?.arrayValue?.compactMap(\.stringValue) }
    func optionalID<Named>(_ name: String) -> ID<Named>? { string(name).flatMap { ID<Named>($0) } }

    func id<Named>(_ name: String) throws -> ID<Named> {
        guard let id: ID<Named> = optionalID(name) else { throw AgentOSError.invalid(name, "must be a UUID") }
        return id
    }

    func requiredString(_ name: String) throws -> String {
        guard let text = string(name) else { throw AgentOSError.invalid(name, "is required") }
        return text
    }
}
