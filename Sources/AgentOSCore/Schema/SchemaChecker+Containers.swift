/// Arrays and objects.
extension SchemaChecker {
    // MARK: - Arrays

    mutating func checkArray(_ rule: SchemaRule, _ items: [JSONValue]) -> Bool {
        switch rule {
        case .itemCount(let range):
            guard let problem = range.problem(items.count, "items") else { return true }
            return fail(problem)
        case .uniqueItems: return checkUnique(items)
        case .items(let first, let rest): return checkItems(items, first, rest)
        case .contains(let node):
            for item in items where holds(node, item) { return true }
            return fail("must contain an item of the kind that the schema asks for")
        default: return true
        }
    }

    private mutating func checkItems(_ items: [JSONValue], _ first: [Int], _ rest: Int?) -> Bool {
        var valid = true
        for (index, item) in items.enumerated() {
            guard let node = index < first.count ? first[index] : rest else { return valid }
            guard !check(node, item, at: .index(index)) else { continue }
            valid = false
            if silence > 0 || isOver { return false }
        }
        return valid
    }

    private mutating func checkUnique(_ items: [JSONValue]) -> Bool {
        var seen: [[UInt8]: Int] = [:]
        for (index, item) in items.enumerated() {
            let before = seen.updateValue(index, forKey: canonical(item))
            if givenUp != nil { return false }
            if let before { return fail("must not have the same item twice: items \(before) and \(index) are equal") }
        }
        return true
    }

    // MARK: - Objects

    mutating func checkObject(_ rule: SchemaRule, _ object: JSONObject) -> Bool {
        switch rule {
        case .memberCount(let range):
            guard let problem = range.problem(object.count, "members") else { return true }
            return fail(problem)
        case .required(let names): return checkRequired(names, "is required", object)
        case .requiredWith(let name, let names):
            guard object[name] != nil else { return true }
            return checkRequired(names, "is required when \(JSONValue.string(name).text) is there", object)
        case .names(let node): return checkNames(node, object)
        default: return true
        }
    }

    private mutating func checkRequired(_ names: [String], _ message: String, _ object: JSONObject) -> Bool {
        guard spend(names.count / 16) else { return false }
        var valid = true
        for name in names where object[name] == nil {
            valid = fail(message, at: .member(name))
            if isOver { return false }
        }
        return valid
    }

    private mutating func checkNames(_ node: Int, _ object: JSONObject) -> Bool {
        for (name, _) in object.members where !holds(node, .string(name)) {
            return fail("has a name that is not allowed", at: .member(name))
        }
        return true
    }

    mutating func checkMembers(
        _ object: JSONObject, _ properties: SchemaNames<Int>, _ patterns: [(SchemaPattern, Int)], _ additional: Int?
    ) -> Bool {
        var valid = true
        for (name, value) in object.members {
            guard spend(1) else { return false }
            var isKnown = false
            if let node = properties[Array(name.utf8)] {
                isKnown = true
                if !check(node, value, at: .member(name)) { valid = false }
            }
            for (pattern, node) in patterns where matches(pattern, name) {
                isKnown = true
                if !check(node, value, at: .member(name)) { valid = false }
            }
            if !isKnown, let additional, !check(additional, value, at: .member(name)) { valid = false }
            if isOver || (!valid && silence > 0) { return false }
        }
        return valid
    }
}
