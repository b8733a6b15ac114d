/// One check of one value.
struct SchemaChecker {
    let nodes: [SchemaNode]
    /// How many issues are wanted; with 0 only the answer counts.
    private let limit: Int
    private var found: [JSONSchema.Issue] = []
    /// Where in the value the check is.
    private var place: [SchemaPathPart] = []
    private var depth = 0
    var steps = JSONSchema.maximumSteps
    /// Above 0 nothing is noted: what fails here may be made good elsewhere.
    var silence = 0
    /// Why the check had to be given up.
    private(set) var givenUp: String?

    init(nodes: [SchemaNode], limit: Int) {
        self.nodes = nodes
        self.limit = limit
        silence = limit > 0 ? 0 : 1
    }

    mutating func issues(in value: JSONValue) -> [JSONSchema.Issue] {
        let valid = check(0, value)
        if let givenUp { return [JSONSchema.Issue(path: "", message: givenUp)] }
        if !valid, found.isEmpty { return [JSONSchema.Issue(path: "", message: "does not match the schema")] }
        return valid ? [] : found
    }

    // MARK: - What all rules use

    /// Whether it is known that nothing more has to be looked at.
    var isOver: Bool { givenUp != nil || (silence == 0 && found.count >= limit) }

    /// Notes an issue. Always false, the answer of the rule.
    mutating func fail(_ message: String, at part: SchemaPathPart? = nil) -> Bool {
        if silence == 0, found.count < limit {
            let path = SchemaPath.text(part.map { place + [$0] } ?? place)
            let issue = JSONSchema.Issue(path: path, message: message)
            if !found.contains(issue) { found.append(issue) }
        }
        return false
    }

    mutating func spend(_ count: Int) -> Bool {
        steps -= count
        if steps < 0 { giveUp("takes too long to be checked") }
        return givenUp == nil
    }

    mutating func giveUp(_ reason: String) { givenUp = givenUp ?? reason }

    /// Only the answer, without noting anything.
    mutating func holds(_ node: Int, _ value: JSONValue) -> Bool {
        silence += 1
        defer { silence -= 1 }
        return check(node, value)
    }

    mutating func check(_ node: Int, _ value: JSONValue, at part: SchemaPathPart) -> Bool {
        place.append(part)
        defer { place.removeLast() }
        return check(node, value)
    }

    mutating func check(_ node: Int, _ value: JSONValue) -> Bool {
        guard spend(1) else { return false }
        guard depth < JSONSchema.maximumDepth else {
            giveUp("is nested too deeply to be checked")
            return false
        }
        depth += 1
        defer { depth -= 1 }
        var valid = true
        for position in nodes[node].rules.indices {
            guard !apply(nodes[node].rules[position], to: value) else { continue }
            valid = false
            // A value of the wrong kind is not looked at further, and neither is anything that nobody will read.
            if silence > 0 || isOver { return false }
            if case .types = nodes[node].rules[position] { return false }
        }
        return valid
    }

    private mutating func apply(_ rule: SchemaRule, to value: JSONValue) -> Bool {
        switch rule {
        case .never: return fail("is not allowed")
        case .types(let types): return checkTypes(types, value)
        case .values(let values, let kinds, let message):
            guard !kinds.isDisjoint(with: SchemaTypes(of: value)) else { return fail(message) }
            return values.contains(canonical(value)) || fail(message)
        case .multipleOf, .bound: return checkNumber(rule, value)
        case .length, .pattern: return checkString(rule, value)
        case .itemCount, .uniqueItems, .items, .contains:
            guard case .array(let items) = value else { return true }
            return checkArray(rule, items)
        case .memberCount, .required, .names, .requiredWith:
            guard case .object(let object) = value else { return true }
            return checkObject(rule, object)
        case .members(let properties, let patterns, let additional):
            guard case .object(let object) = value else { return true }
            return checkMembers(object, properties, patterns, additional)
        case .schemaWith(let name, let node): return value[name] == nil || check(node, value)
        case .allOf, .anyOf, .oneOf, .not, .condition: return checkCombination(rule, value)
        }
    }

    mutating func canonical(_ value: JSONValue) -> [UInt8] {
        let bytes = CanonicalJSON.bytes(of: value)
        _ = spend(bytes.count / 16)
        return bytes
    }
}
