#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Works out an arithmetic expression, such as `2 * (3 + 4) ^ 2` or `round(10 / 3, 2)`.
///
/// - `+ - * / %` and `^` (to the power of; from the right, and before a minus in front: `-2^2` is -4). `%` is the
///   remainder with the sign of the left side.
/// - Numbers as `12`, `.5`, `1.5e-3`; the constants `pi` and `e`.
/// - `sqrt abs round floor ceil min max ln log10 log2 exp sin cos tan pow`. `round` takes a number of places as its
///   second argument, `min` and `max` take any number of arguments, angles are in radians.
public enum Arithmetic {
    /// The longest expression, in characters.
    public static let maximumLength = 1000
    /// How deep parentheses, signs and powers can stand in one another.
    public static let maximumDepth = 100

    /// Why an expression has no value.
    public struct Failure: Error, Sendable, Hashable {
        /// For the one who wrote the expression; names the place, counted from 1.
        public let message: String

        public init(message: String) { self.message = message }
    }

    /// The value of an expression; always finite.
    /// - Throws: `Failure` for what is no expression, for a division by zero, for a function outside of where it is
    ///   defined, and for results that are too large.
    public static func evaluate(_ expression: String) throws -> Double {
        guard expression.unicodeScalars.count <= maximumLength else {
            throw Failure(message: "the expression is longer than \(maximumLength) characters")
        }
        var reader = ArithmeticReader(expression)
        return try reader.evaluate()
    }

    /// A value as text: integers without `.0`, all else in the fewest digits that give the same value again.
    public static func text(_ value: Double) -> String {
        guard value.rounded() == value, value.magnitude < 1e15 else { return "\(value)" }
        return String(Int64(value))
    }
}

/// The functions by name, with how many arguments they take.
enum ArithmeticFunction {
    static func arguments(of name: String) -> ClosedRange<Int>? {
        switch name {
        case "sqrt", "abs", "floor", "ceil", "ln", "log10", "log2", "exp", "sin", "cos", "tan": 1...1
        case "round": 1...2
        case "pow": 2...2
        case "min", "max": 1...Arithmetic.maximumLength
        default: nil
        }
    }

    /// NaN where the function has no value.
    static func value(of name: String, _ values: [Double]) -> Double {
        let first = values.first ?? .nan
        return switch name {
        case "sqrt": first.squareRoot()
        case "abs": abs(first)
        case "round": rounded(first, places: values.count > 1 ? values[1] : 0)
        case "floor": first.rounded(.down)
        case "ceil": first.rounded(.up)
        case "min": values.min() ?? .nan
        case "max": values.max() ?? .nan
        case "ln": first > 0 ? log(first) : .nan
        case "log10": first > 0 ? log10(first) : .nan
        case "log2": first > 0 ? log2(first) : .nan
        case "exp": exp(first)
        case "sin": sin(first)
        case "cos": cos(first)
        case "tan": tan(first)
        case "pow": pow(first, values.count > 1 ? values[1] : .nan)
        default: .nan
        }
    }

    private static func rounded(_ value: Double, places: Double) -> Double {
        if places == 0 { return value.rounded() }
        guard places.rounded() == places, places.magnitude <= 15 else { return .nan }
        let factor = pow(10, places.magnitude)
        if places < 0 { return (value / factor).rounded() * factor }
        let scaled = value * factor
        return scaled.magnitude < 9e15 ? scaled.rounded() / factor : value
    }
}
