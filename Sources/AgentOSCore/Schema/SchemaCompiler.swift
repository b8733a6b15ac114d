/// Turns a schema into nodes. Works through a list, not by recursion, so that no schema is too deep for it.
struct SchemaCompiler {
    /// How much a message tells of what a schema allows, in characters.
    static let shownText = 200

    private let document: SchemaDocument
    private var nodes: [SchemaNode] = []
    private var places: [SchemaPlace] = []
    private var known: [[UInt8]: Int] = [:]
    /// The place that is being compiled, for errors.
    private var here: SchemaPlace

    private init(_ schema: JSONValue) {
        document = SchemaDocument(schema)
        here = document.root
    }

    /// The nodes of a schema, its root first.
    /// - Throws: `JSONSchema.Invalid`
    static func compile(_ schema: JSONValue) throws -> [SchemaNode] {
        var compiler = SchemaCompiler(schema)
        _ = try compiler.node(at: compiler.document.root)
        var next = 0
        while next < compiler.places.count {
            compiler.here = compiler.places[next]
            try compiler.compileNode(next)
            next += 1
        }
        try SchemaLoops.refuse(in: compiler.nodes, places: compiler.places)
        return compiler.nodes
    }

    func invalid(_ keyword: String?, _ message: String) -> JSONSchema.Invalid {
        let path = keyword.map { here.path + [.member($0)] } ?? here.path
        return JSONSchema.Invalid(path: SchemaPath.text(path), message: message)
    }

    // MARK: - Nodes

    /// The node of a place; references are followed here, so that they cost nothing later.
    private mutating func node(at place: SchemaPlace) throws -> Int {
        var place = place
        var passed: Set<[UInt8]> = []
        while let reference = place.value["$ref"] {
            guard case .string(let text) = reference else {
                throw JSONSchema.Invalid(
                    path: SchemaPath.text(place.path + [.member("$ref")]), message: "must be a string")
            }
            guard passed.insert(place.key).inserted else {
                throw JSONSchema.Invalid(
                    path: SchemaPath.text(place.path + [.member("$ref")]), message: "refers to itself")
            }
            place = try document.target(of: text, at: place)
        }
        let key = place.key
        if let index = known[key] { return index }
        known[key] = nodes.count
        nodes.append(SchemaNode())
        places.append(place)
        return nodes.count - 1
    }

    /// The node of a subschema that a keyword, and perhaps a step inside it, names.
    mutating func node(_ value: JSONValue, _ keyword: String, _ part: SchemaPathPart? = nil) throws -> Int {
        if let part {
            let inside = SchemaPlace(value: .null, path: here.path + [.member(keyword)], base: here.base)
            return try node(at: inside.child(value, part))
        }
        return try node(at: here.child(value, .member(keyword)))
    }

    private mutating func compileNode(_ index: Int) throws {
        switch here.value {
        case .bool(true): break
        case .bool(false): nodes[index].rules = [.never]
        case .object(let schema):
            var rules = try typeRules(schema)
            if case .types(let types)? = rules.first { nodes[index].types = types }
            rules += try numberRules(schema)
            rules += try stringRules(schema)
            rules += try arrayRules(schema)
            rules += try objectRules(schema)
            rules += try combinationRules(schema)
            try checkAnnotations(schema)
            nodes[index].rules = rules
        default: throw invalid(nil, "must be an object or a boolean, not \(here.value.kindName)")
        }
    }

    // MARK: - Values of keywords

    func number(_ schema: JSONObject, _ keyword: String) throws -> (value: ExactDecimal, text: String)? {
        guard let given = schema[keyword] else { return nil }
        guard case .number(let literal) = given, let value = ExactDecimal(literal) else {
            throw invalid(keyword, "must be a number")
        }
        return (value, literal)
    }

    func count(_ schema: JSONObject, _ keyword: String) throws -> Int? {
        guard let given = schema[keyword] else { return nil }
        guard case .number(let literal) = given, let count = ExactDecimal(literal)?.count else {
            throw invalid(keyword, "must be an integer of at least 0")
        }
        return count
    }

    func range(_ schema: JSONObject, _ minimum: String, _ maximum: String) throws -> SchemaRange? {
        let low = try count(schema, minimum)
        let high = try count(schema, maximum)
        guard low != nil || high != nil else { return nil }
        return SchemaRange(minimum: low ?? 0, maximum: high ?? .max)
    }

    func object(_ schema: JSONObject, _ keyword: String) throws -> JSONObject? {
        guard let given = schema[keyword] else { return nil }
        guard case .object(let object) = given else { throw invalid(keyword, "must be an object") }
        return object
    }

    /// A list of different strings.
    func names(_ value: JSONValue, _ keyword: String, _ part: SchemaPathPart? = nil) throws -> [String] {
        let names = value.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == value.arrayValue?.count, Set(names.map { Array($0.utf8) }).count == names.count
        else {
            let path = here.path + [.member(keyword)] + (part.map { [$0] } ?? [])
            throw JSONSchema.Invalid(path: SchemaPath.text(path), message: "must be an array of different strings")
        }
        return names
    }

    func pattern(_ source: String, _ keyword: String, _ part: SchemaPathPart? = nil) throws -> SchemaPattern {
        do {
            return try SchemaPattern(source)
        } catch {
            let path = here.path + [.member(keyword)] + (part.map { [$0] } ?? [])
            let reason = (error as? PatternError)?.message ?? "cannot be read"
            throw JSONSchema.Invalid(path: SchemaPath.text(path), message: "is no usable regular expression: \(reason)")
        }
    }

    /// The annotations have no say, but a wrong kind of value is a mistake in the schema.
    private mutating func checkAnnotations(_ schema: JSONObject) throws {
        for keyword in ["$schema", "$id", "$comment", "title", "description", "format"] {
            if let value = schema[keyword], value.stringValue == nil { throw invalid(keyword, "must be a string") }
        }
        for keyword in ["readOnly", "writeOnly"] {
            if let value = schema[keyword], value.boolValue == nil { throw invalid(keyword, "must be a boolean") }
        }
        if let value = schema["examples"], value.arrayValue == nil { throw invalid("examples", "must be an array") }
        for keyword in ["definitions", "$defs"] {
            for (name, value) in try object(schema, keyword)?.members ?? [] {
                _ = try node(value, keyword, .member(name))
            }
        }
    }
}
