/// The keywords, group by group, as rules.
extension SchemaCompiler {
    // MARK: - Any value

    func typeRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let given = schema["type"] { rules.append(.types(try types(given))) }
        if let given = schema["enum"] {
            guard case .array(let values) = given else { throw invalid("enum", "must be an array") }
            rules.append(allowed(values))
        }
        if let given = schema["const"] { rules.append(allowed([given])) }
        return rules
    }

    private func types(_ given: JSONValue) throws -> SchemaTypes {
        let list: [JSONValue]
        switch given {
        case .string: list = [given]
        case .array(let items): list = items
        default: list = []
        }
        var types: SchemaTypes = []
        for item in list {
            guard let type = SchemaTypes.named.first(where: { .string($0.word) == item })?.type, !types.contains(type)
            else { throw invalid("type", "must be the name of a type, or an array of different ones") }
            types.insert(type)
        }
        guard !types.isEmpty else { throw invalid("type", "must be the name of a type, or an array of different ones") }
        return types
    }

    private func allowed(_ values: [JSONValue]) -> SchemaRule {
        var words = ""
        for (position, value) in values.enumerated() {
            let text = Self.shown(value)
            guard position == 0 || words.count + text.count <= Self.shownText else {
                words += ", …"
                break
            }
            words += (position > 0 ? ", " : "") + text
        }
        let kinds = values.reduce(into: SchemaTypes()) { $0.formUnion(SchemaTypes(of: $1)) }
        let message =
            switch values.count {
            case 0: "is not allowed: no value is"
            case 1: "must be \(words)"
            default: "must be one of \(words)"
            }
        return .values(Set(values.map(CanonicalJSON.bytes)), kinds: kinds, message: message)
    }

    private static func shown(_ value: JSONValue) -> String {
        let text = value.text
        return text.count <= 80 ? text : String(text.prefix(80)) + "…"
    }

    // MARK: - Numbers and strings

    func numberRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let (divisor, text) = try number(schema, "multipleOf") {
            guard !divisor.isZero, !divisor.isNegative else { throw invalid("multipleOf", "must be greater than 0") }
            guard let digits = divisor.smallDigits else { throw invalid("multipleOf", "has more than 19 digits") }
            rules.append(
                .multipleOf(digits: digits, exponent: divisor.exponent, message: "must be a multiple of \(text)"))
        }
        let bounds: [(String, SchemaBound, String)] = [
            ("minimum", .minimum, "at least"), ("exclusiveMinimum", .exclusiveMinimum, "greater than"),
            ("maximum", .maximum, "at most"), ("exclusiveMaximum", .exclusiveMaximum, "less than"),
        ]
        for (keyword, bound, words) in bounds {
            guard let (value, text) = try number(schema, keyword) else { continue }
            rules.append(.bound(value, bound, message: "must be \(words) \(text)"))
        }
        return rules
    }

    func stringRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let range = try range(schema, "minLength", "maxLength") { rules.append(.length(range)) }
        if let given = schema["pattern"] {
            guard case .string(let source) = given else { throw invalid("pattern", "must be a string") }
            rules.append(.pattern(try pattern(source, "pattern")))
        }
        return rules
    }

    // MARK: - Arrays

    mutating func arrayRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let range = try range(schema, "minItems", "maxItems") { rules.append(.itemCount(range)) }
        if let given = schema["uniqueItems"] {
            guard let unique = given.boolValue else { throw invalid("uniqueItems", "must be a boolean") }
            if unique { rules.append(.uniqueItems) }
        }
        let additional = try schema["additionalItems"].map { try node($0, "additionalItems") }
        switch schema["items"] {
        case nil: break
        case .array(let list)?:
            guard !list.isEmpty else { throw invalid("items", "must be a schema or an array with at least one") }
            var first: [Int] = []
            for (index, value) in list.enumerated() { first.append(try node(value, "items", .index(index))) }
            rules.append(.items(first: first, rest: additional))
        case let value?: rules.append(.items(first: [], rest: try node(value, "items")))
        }
        if let value = schema["contains"] { rules.append(.contains(try node(value, "contains"))) }
        return rules
    }

    // MARK: - Objects

    mutating func objectRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let given = schema["required"] { rules.append(.required(try names(given, "required"))) }
        if let range = try range(schema, "minProperties", "maxProperties") { rules.append(.memberCount(range)) }
        if let rule = try membersRule(schema) { rules.append(rule) }
        if let value = schema["propertyNames"] { rules.append(.names(try node(value, "propertyNames"))) }
        for (name, value) in try object(schema, "dependencies")?.members ?? [] {
            if value.arrayValue != nil {
                rules.append(.requiredWith(name, try names(value, "dependencies", .member(name))))
            } else {
                rules.append(.schemaWith(name, try node(value, "dependencies", .member(name))))
            }
        }
        return rules
    }

    private mutating func membersRule(_ schema: JSONObject) throws -> SchemaRule? {
        var properties: SchemaNames<Int> = [:]
        for (name, value) in try object(schema, "properties")?.members ?? [] {
            properties[Array(name.utf8)] = try node(value, "properties", .member(name))
        }
        var patterns: [(SchemaPattern, Int)] = []
        for (source, value) in try object(schema, "patternProperties")?.members ?? [] {
            let compiled = try pattern(source, "patternProperties", .member(source))
            patterns.append((compiled, try node(value, "patternProperties", .member(source))))
        }
        let additional = try schema["additionalProperties"].map { try node($0, "additionalProperties") }
        guard !properties.isEmpty || !patterns.isEmpty || additional != nil else { return nil }
        return .members(properties: properties, patterns: patterns, additional: additional)
    }

    // MARK: - Combinations

    mutating func combinationRules(_ schema: JSONObject) throws -> [SchemaRule] {
        var rules: [SchemaRule] = []
        if let list = try schemas(schema, "allOf") { rules.append(.allOf(list)) }
        if let list = try schemas(schema, "anyOf") { rules.append(.anyOf(list)) }
        if let list = try schemas(schema, "oneOf") { rules.append(.oneOf(list)) }
        if let value = schema["not"] { rules.append(.not(try node(value, "not"))) }
        let condition = try schema["if"].map { try node($0, "if") }
        let then = try schema["then"].map { try node($0, "then") }
        let otherwise = try schema["else"].map { try node($0, "else") }
        if let condition, then != nil || otherwise != nil {
            rules.append(.condition(if: condition, then: then, else: otherwise))
        }
        return rules
    }

    private mutating func schemas(_ schema: JSONObject, _ keyword: String) throws -> [Int]? {
        guard let given = schema[keyword] else { return nil }
        guard case .array(let list) = given, !list.isEmpty else {
            throw invalid(keyword, "must be an array with at least one schema")
        }
        var nodes: [Int] = []
        for (index, value) in list.enumerated() { nodes.append(try node(value, keyword, .index(index))) }
        return nodes
    }
}
