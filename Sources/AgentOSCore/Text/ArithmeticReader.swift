#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads an expression from left to right and works it out as it goes.
struct ArithmeticReader {
    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    init(_ expression: String) { text = Array(expression.unicodeScalars) }

    mutating func evaluate() throws -> Double {
        let value = try sum()
        guard let rest = next else { return value }
        throw failure(rest == ")" ? "unexpected ')'" : "an operator was expected, not '\(rest)'")
    }

    private func failure(_ problem: String, at place: Int? = nil) -> Arithmetic.Failure {
        Arithmetic.Failure(message: "\(problem) at position \((place ?? position) + 1)")
    }

    /// The next character that is no white space.
    private var next: Unicode.Scalar? {
        mutating get {
            while position < text.count, text[position].properties.isWhitespace { position += 1 }
            return position < text.count ? text[position] : nil
        }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func deeper(_ read: (inout Self) throws -> Double) throws -> Double {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Arithmetic.maximumDepth else {
            throw failure("nested deeper than \(Arithmetic.maximumDepth) levels")
        }
        return try read(&self)
    }

    private func finite(_ value: Double, _ place: Int) throws -> Double {
        if value.isNaN { throw failure("the result is not a number", at: place) }
        guard value.isFinite else { throw failure("the result is too large", at: place) }
        return value
    }

    // MARK: - Operators

    private mutating func sum() throws -> Double {
        var value = try product()
        while let sign = next, sign == "+" || sign == "-" {
            let place = position
            position += 1
            let other = try product()
            value = try finite(sign == "+" ? value + other : value - other, place)
        }
        return value
    }

    private mutating func product() throws -> Double {
        var value = try signed()
        while let sign = next, sign == "*" || sign == "/" || sign == "%" {
            let place = position
            position += 1
            let other = try signed()
            if sign != "*", other == 0 { throw failure("division by zero", at: place) }
            switch sign {
            case "*": value = try finite(value * other, place)
            case "/": value = try finite(value / other, place)
            default: value = try finite(value.truncatingRemainder(dividingBy: other), place)
            }
        }
        return value
    }

    private mutating func signed() throws -> Double {
        if take("-") { return -(try deeper { try $0.signed() }) }
        if take("+") { return try deeper { try $0.signed() } }
        return try power()
    }

    private mutating func power() throws -> Double {
        let base = try operand()
        guard next == "^" else { return base }
        let place = position
        position += 1
        let exponent = try deeper { try $0.signed() }
        return try raise(base, to: exponent, place)
    }

    private func raise(_ base: Double, to exponent: Double, _ place: Int) throws -> Double {
        if base == 0, exponent < 0 { throw failure("division by zero", at: place) }
        return try finite(pow(base, exponent), place)
    }

    // MARK: - Operands

    private mutating func operand() throws -> Double {
        guard let scalar = next else { throw failure("a number was expected, not the end") }
        if scalar == "(" {
            position += 1
            let value = try deeper { try $0.sum() }
            try close()
            return value
        }
        if scalar == "." || Self.isDigit(scalar) { return try number() }
        if Self.isLetter(scalar) { return try named() }
        throw failure("a number was expected, not '\(scalar)'")
    }

    private mutating func close() throws {
        guard let scalar = next else { throw failure("')' was expected, not the end") }
        guard scalar == ")" else { throw failure("an operator or ')' was expected, not '\(scalar)'") }
        position += 1
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    private mutating func digits() -> Int {
        let start = position
        while position < text.count, Self.isDigit(text[position]) { position += 1 }
        return position - start
    }

    private mutating func number() throws -> Double {
        let start = position
        var count = digits()
        if position < text.count, text[position] == "." {
            position += 1
            count += digits()
        }
        guard count > 0 else { throw failure("a digit was expected beside '.'", at: start) }
        if position < text.count, text[position] == "e" || text[position] == "E" {
            let back = position
            position += 1
            if position < text.count, text[position] == "+" || text[position] == "-" { position += 1 }
            if digits() == 0 { position = back }
        }
        var literal = String(String.UnicodeScalarView(text[start..<position]))
        if literal.hasPrefix(".") { literal = "0" + literal }
        if literal.hasSuffix(".") { literal += "0" }
        // "1.e5" is the one form left that Swift does not read.
        guard let value = Double(literal.replacing(".e", with: ".0e").replacing(".E", with: ".0E")) else {
            throw failure("a number cannot be read", at: start)
        }
        return try finite(value, start)
    }

    private mutating func named() throws -> Double {
        let start = position
        while position < text.count, Self.isLetter(text[position]) || Self.isDigit(text[position]) { position += 1 }
        let name = String(String.UnicodeScalarView(text[start..<position])).lowercased()
        if let count = ArithmeticFunction.arguments(of: name) { return try call(name, count, start) }
        switch name {
        case "pi": return .pi
        case "e": return exp(1)
        default: throw failure("unknown name '\(name)'", at: start)
        }
    }

    private mutating func call(_ name: String, _ count: ClosedRange<Int>, _ start: Int) throws -> Double {
        guard take("(") else { throw failure("'(' was expected after '\(name)'") }
        var values: [Double] = []
        if next != ")" {
            repeat { values.append(try deeper { try $0.sum() }) } while take(",")
        }
        try close()
        guard count.contains(values.count) else {
            let wanted = count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) or more"
            throw failure("'\(name)' takes \(wanted) argument(s), not \(values.count),", at: start)
        }
        if name == "pow" { return try raise(values[0], to: values[1], start) }
        let value = ArithmeticFunction.value(of: name, values)
        if value.isNaN { throw failure("'\(name)' has no value for \(Arithmetic.text(values[0]))", at: start) }
        return try finite(value, start)
    }
}
