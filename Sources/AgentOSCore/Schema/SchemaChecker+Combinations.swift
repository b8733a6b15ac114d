/// Schemas made of schemas for the same value.
extension SchemaChecker {
    mutating func checkCombination(_ rule: SchemaRule, _ value: JSONValue) -> Bool {
        switch rule {
        case .allOf(let list):
            var valid = true
            for node in list where !check(node, value) {
                valid = false
                if silence > 0 || isOver { return false }
            }
            return valid
        case .anyOf(let list):
            for node in list where holds(node, value) { return true }
            return explain(list, value)
        case .oneOf(let list): return checkOneOf(list, value)
        case .not(let node): return !holds(node, value) || fail("must not be of the kind that the schema excludes")
        case .condition(let condition, let then, let otherwise):
            guard let node = holds(condition, value) ? then : otherwise else { return true }
            return check(node, value)
        default: return true
        }
    }

    private mutating func checkOneOf(_ list: [Int], _ value: JSONValue) -> Bool {
        var matched: Int?
        for (index, node) in list.enumerated() where holds(node, value) {
            if let matched {
                return fail(
                    "must match only one of \(list.count) alternatives, not both \(matched + 1) and \(index + 1)")
            }
            matched = index
        }
        return matched != nil || explain(list, value)
    }

    /// Says as well as possible why a value matches no alternative: what they all want when it is a matter of types,
    /// what is wrong inside when only one is about values of this type.
    private mutating func explain(_ list: [Int], _ value: JSONValue) -> Bool {
        guard silence == 0, givenUp == nil else { return false }
        let actual = SchemaTypes(of: value)
        var candidates = list.filter { nodes[$0].types.map { !$0.isDisjoint(with: actual) } ?? true }
        if candidates.isEmpty {
            return checkTypes(list.reduce(into: []) { $0.formUnion(nodes[$1].types ?? []) }, value)
        }
        if candidates.count > 1, case .object(let object) = value {
            candidates = candidates.filter { namesItself($0, in: object) }
        }
        if candidates.count == 1 { return check(candidates[0], value) }
        return fail("must match one of \(list.count) alternatives, but matches none")
    }

    /// Whether an object has all the constant members of an alternative, as in `"kind": {"const": "circle"}`.
    private mutating func namesItself(_ node: Int, in object: JSONObject) -> Bool {
        for case .members(let properties, _, _) in nodes[node].rules {
            for (name, value) in object.members {
                guard let property = properties[Array(name.utf8)] else { continue }
                for case .values(let values, _, _) in nodes[property].rules where !values.contains(canonical(value)) {
                    return false
                }
            }
        }
        return true
    }
}
