/// Classes of characters and escapes.
extension PatternParser {
    mutating func characterClass() throws -> PatternSet {
        let start = position
        position += 1
        var set = PatternSet(items: [], negated: take("^"))
        while let character = current, character != Self.code("]") {
            let low = try classMember()
            guard sees("-"), position + 1 < text.count, text[position + 1] != Self.code("]") else {
                set.items.append(low)
                continue
            }
            position += 1
            let high = try classMember()
            guard case .range(let first, _) = low, case .range(let last, _) = high else {
                // One end is a class of its own: the hyphen stands for itself.
                set.items += [low, .range(Self.code("-"), Self.code("-")), high]
                continue
            }
            guard first <= last else { throw failure("a range from more to less") }
            set.items.append(.range(first, last))
        }
        guard take("]") else {
            position = start
            throw failure("'[' without ']'")
        }
        return set
    }

    private mutating func classMember() throws -> PatternSet.Item {
        guard let character = current else { throw failure("'[' without ']'") }
        guard character == Self.code("\\") else {
            position += 1
            return .range(character, character)
        }
        return try escape(inClass: true).item
    }

    /// A character or a class of characters after a backslash.
    struct Escape {
        let item: PatternSet.Item

        var syntax: PatternSyntax {
            if case .range(let low, let high) = item, low == high { return .character(low) }
            return .set(PatternSet(items: [item]))
        }
    }

    mutating func escape(inClass: Bool) throws -> Escape {
        position += 1
        guard let character = current, let scalar = Unicode.Scalar(character) else {
            throw failure("nothing after the backslash")
        }
        position += 1
        func literal(_ value: UInt32) -> Escape { Escape(item: .range(value, value)) }
        switch scalar {
        case "d": return Escape(item: .digit(negated: false))
        case "D": return Escape(item: .digit(negated: true))
        case "w": return Escape(item: .word(negated: false))
        case "W": return Escape(item: .word(negated: true))
        case "s": return Escape(item: .space(negated: false))
        case "S": return Escape(item: .space(negated: true))
        case "p", "P": return Escape(item: .property(try property(), negated: scalar == "P"))
        case "t": return literal(0x09)
        case "n": return literal(0x0a)
        case "v": return literal(0x0b)
        case "f": return literal(0x0c)
        case "r": return literal(0x0d)
        case "b" where inClass: return literal(0x08)
        case "0" where current.map(PatternSet.isDigit) != true: return literal(0)
        case "c":
            guard let letter = current, letter < 0x80, (letter | 0x20) &- 0x61 <= 25 else {
                throw failure("a letter is due")
            }
            position += 1
            return literal(letter & 0x1f)
        case "x": return literal(try hexadecimal(2))
        case "u": return literal(try unicodeEscape())
        case "0"..."9", "k":
            position -= 1
            throw failure("a back reference, which is not supported,")
        case "a"..."z", "A"..."Z":
            position -= 1
            throw failure("an unknown escape")
        default: return literal(character)
        }
    }

    private mutating func hexadecimal(_ count: Int) throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = current.flatMap(Unicode.Scalar.init).flatMap({ Character($0).hexDigitValue }) else {
                throw failure("a hexadecimal digit is due")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func unicodeEscape() throws -> UInt32 {
        if take("{") {
            var count = 0
            while position + count < text.count, text[position + count] != Self.code("}"), count < 7 { count += 1 }
            guard (1...6).contains(count) else { throw failure("a code point is due") }
            let value = try hexadecimal(count)
            guard take("}"), value <= 0x10ffff else { throw failure("a code point is due") }
            return value
        }
        let high = try hexadecimal(4)
        guard (0xd800..<0xdc00).contains(high), sees("\\u") else { return high }
        let back = position
        position += 2
        guard let low = try? hexadecimal(4), (0xdc00..<0xe000).contains(low) else {
            position = back
            return high
        }
        return 0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)
    }

    private mutating func property() throws -> PatternProperty {
        guard take("{"), let end = text[position...].firstIndex(of: Self.code("}")) else {
            throw failure("a property in braces is due")
        }
        let name = String(String.UnicodeScalarView(text[position..<end].compactMap(Unicode.Scalar.init)))
        guard let property = PatternProperty(name) else { throw failure("an unknown property") }
        position = end + 1
        return property
    }
}
