/// Reads a regular expression of ECMA-262, by code points. A brace that starts no repetition stands for itself, as
/// browsers have it. Back references are not understood: without them every match is a matter of one pass.
struct PatternParser {
    private static let maximumNesting = 50

    let text: [UInt32]
    var position = 0
    private var nesting = 0

    private init(_ text: [UInt32]) { self.text = text }

    /// - Throws: `PatternError`
    static func parse(_ pattern: String) throws -> PatternSyntax {
        var parser = PatternParser(pattern.unicodeScalars.map(\.value))
        let syntax = try parser.choice()
        guard parser.position == parser.text.count else { throw parser.failure("')' without '('") }
        return syntax
    }

    func failure(_ problem: String) -> PatternError {
        PatternError(message: "\(problem) at character \(min(position, text.count) + 1)")
    }

    var current: UInt32? { position < text.count ? text[position] : nil }

    static func code(_ scalar: Unicode.Scalar) -> UInt32 { scalar.value }

    func sees(_ word: String) -> Bool {
        let word = word.unicodeScalars.map(\.value)
        return position + word.count <= text.count && text[position..<position + word.count].elementsEqual(word)
    }

    mutating func take(_ word: String) -> Bool {
        guard sees(word) else { return false }
        position += word.unicodeScalars.count
        return true
    }

    private mutating func choice() throws -> PatternSyntax {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.maximumNesting else {
            throw failure("groups nested deeper than \(Self.maximumNesting) levels")
        }
        var alternatives = [try sequence()]
        while take("|") { alternatives.append(try sequence()) }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let character = current, character != Self.code("|"), character != Self.code(")") {
            let (part, repeatable) = try atom()
            parts.append(try repetition(of: part, allowed: repeatable))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repetition(of part: PatternSyntax, allowed: Bool) throws -> PatternSyntax {
        let bounds: (Int, Int?)
        let start = position
        if take("*") {
            bounds = (0, nil)
        } else if take("+") {
            bounds = (1, nil)
        } else if take("?") {
            bounds = (0, 1)
        } else if let counted = try countedBounds() {
            bounds = counted
        } else {
            return part
        }
        guard allowed else {
            position = start
            throw failure("nothing to repeat")
        }
        // Lazy or not is the same when only the existence of a match counts.
        _ = take("?")
        return .repeated(part, minimum: bounds.0, maximum: bounds.1)
    }

    /// Reads `{2}`, `{2,}` or `{2,5}`; nil, and nothing read, when there is something else.
    private mutating func countedBounds() throws -> (Int, Int?)? {
        let start = position
        guard take("{"), let low = number() else {
            position = start
            return nil
        }
        var high: Int? = low
        if take(",") { high = number() }
        guard take("}") else {
            position = start
            return nil
        }
        let largest = PatternProgram.maximumRepetition
        guard low <= largest, (high ?? 0) <= largest else { throw failure("a repetition beyond \(largest)") }
        if let high, high < low { throw failure("a repetition from more to less") }
        return (low, high)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let character = current, PatternSet.isDigit(character) {
            value = min(1_000_000, (value ?? 0) * 10 + Int(character - 0x30))
            position += 1
        }
        return value
    }

    private mutating func atom() throws -> (PatternSyntax, repeatable: Bool) {
        guard let character = current else { throw failure("unexpected end") }
        switch Unicode.Scalar(character) {
        case "^":
            position += 1
            return (.start, false)
        case "$":
            position += 1
            return (.end, false)
        case ".":
            position += 1
            return (.set(.dot), true)
        case "(": return (try group(), true)
        case "[": return (.set(try characterClass()), true)
        case "\\":
            if take("\\b") { return (.wordBorder(true), false) }
            if take("\\B") { return (.wordBorder(false), false) }
            return (try escape(inClass: false).syntax, true)
        case "*", "+", "?": throw failure("nothing to repeat")
        case "{":
            let start = position
            if try countedBounds() != nil {
                position = start
                throw failure("nothing to repeat")
            }
            position += 1
            return (.character(character), true)
        default:
            position += 1
            return (.character(character), true)
        }
    }

    private mutating func group() throws -> PatternSyntax {
        let start = position
        var wrap: (PatternSyntax) -> PatternSyntax = { $0 }
        if take("(?:") {
        } else if take("(?=") {
            wrap = { .look($0, ahead: true, negated: false) }
        } else if take("(?!") {
            wrap = { .look($0, ahead: true, negated: true) }
        } else if take("(?<=") {
            wrap = { .look($0, ahead: false, negated: false) }
        } else if take("(?<!") {
            wrap = { .look($0, ahead: false, negated: true) }
        } else if take("(?<") {
            while let character = current, PatternSet.isWord(character) || character == Self.code("$") { position += 1 }
            guard text[position - 1] != Self.code("<"), take(">") else { throw failure("a group's name is due") }
        } else if sees("(?") {
            throw failure("an unknown kind of group")
        } else {
            position += 1
        }
        let inner = try choice()
        guard take(")") else {
            position = start
            throw failure("'(' without ')'")
        }
        return wrap(inner)
    }
}
