/// Types, numbers and strings.
extension SchemaChecker {
    mutating func checkTypes(_ types: SchemaTypes, _ value: JSONValue) -> Bool {
        let actual = SchemaTypes(of: value)
        guard types.isDisjoint(with: actual) else { return true }
        return fail("must be \(types.nouns), not \(Self.kind(of: value, actual, types))")
    }

    private static func kind(of value: JSONValue, _ actual: SchemaTypes, _ wanted: SchemaTypes) -> String {
        if actual.isEmpty { return "NaN or infinite" }
        return actual == .number && wanted.contains(.integer) ? "a fraction" : value.kindName
    }

    mutating func checkNumber(_ rule: SchemaRule, _ value: JSONValue) -> Bool {
        guard case .number(let literal) = value else { return true }
        guard spend(literal.utf8.count / 16) else { return false }
        guard let number = ExactDecimal(literal) else { return fail("must be a finite number") }
        switch rule {
        case .multipleOf(let digits, let exponent, let message):
            return number.isMultiple(ofDigits: digits, exponent: exponent) || fail(message)
        case .bound(let bound, let kind, let message): return kind.holds(number, bound) || fail(message)
        default: return true
        }
    }

    mutating func checkString(_ rule: SchemaRule, _ value: JSONValue) -> Bool {
        guard case .string(let text) = value else { return true }
        switch rule {
        case .length(let range):
            guard spend(text.utf8.count / 16) else { return false }
            guard let problem = range.problem(text.unicodeScalars.count, "characters") else { return true }
            return fail(problem)
        case .pattern(let pattern):
            return matches(pattern, text) || fail("must match the pattern \(pattern.shownSource)")
        default: return true
        }
    }

    mutating func matches(_ pattern: SchemaPattern, _ text: String) -> Bool {
        guard spend(text.utf8.count / 16) else { return false }
        do {
            return try pattern.occurs(in: text, steps: &steps)
        } catch {
            giveUp("takes too long to be checked")
            return false
        }
    }
}
