/// The exact value of a JSON number: an integer times a power of ten. Nothing is ever written out in full, so that
/// `1e999999` costs no more than `1`.
struct ExactDecimal: Hashable, Sendable {
    let isNegative: Bool
    /// Without leading and trailing zeros; empty for zero.
    let digits: [UInt8]
    /// The power of ten that the digits, read as an integer, are multiplied by; 0 for zero.
    let exponent: Int

    /// Reads a literal. Exponents beyond what fits are brought to the nearest that does.
    /// - Returns: nil for `NaN`, the infinities and what is no number.
    init?(_ literal: String) {
        let largest = 1 << 48
        let bytes = Array(literal.utf8)
        var index = 0
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { index = 1 }
        var digits: [UInt8] = []
        var places = 0
        var sawDigit = false
        var sawPoint = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte &- 0x30 <= 9 {
                sawDigit = true
                if !digits.isEmpty || byte != 0x30 { digits.append(byte &- 0x30) }
                if sawPoint { places += 1 }
            } else if byte == UInt8(ascii: "."), !sawPoint {
                sawPoint = true
            } else {
                break
            }
            index += 1
        }
        guard sawDigit else { return nil }
        var power = 0
        if index < bytes.count {
            guard bytes[index] | 0x20 == UInt8(ascii: "e") else { return nil }
            index += 1
            var powerIsNegative = false
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                powerIsNegative = bytes[index] == UInt8(ascii: "-")
                index += 1
            }
            guard index < bytes.count else { return nil }
            while index < bytes.count {
                guard bytes[index] &- 0x30 <= 9 else { return nil }
                power = min(largest, power * 10 + Int(bytes[index] &- 0x30))
                index += 1
            }
            if powerIsNegative { power = -power }
        }
        power -= places
        while digits.last == 0 {
            digits.removeLast()
            power += 1
        }
        self.digits = digits
        exponent = digits.isEmpty ? 0 : power
        isNegative = negative && !digits.isEmpty
    }

    var isZero: Bool { digits.isEmpty }
    var isInteger: Bool { exponent >= 0 }

    /// The value as a count: integral, not negative, brought down to the largest `Int` if need be.
    var count: Int? {
        guard isInteger, !isNegative else { return nil }
        guard digits.count + exponent <= 18 else { return Int.max }
        var value = 0
        for digit in digits { value = value * 10 + Int(digit) }
        for _ in 0..<exponent { value *= 10 }
        return value
    }

    /// The digits as one integer, when there are at most 19 of them.
    var smallDigits: UInt64? {
        guard digits.count <= 19 else { return nil }
        return digits.reduce(0) { $0 * 10 + UInt64($1) }
    }

    /// Whether the value is an integral multiple of `divisor`, given by its `smallDigits` (not 0) and exponent.
    func isMultiple(ofDigits divisor: UInt64, exponent divisorExponent: Int) -> Bool {
        if isZero { return true }
        // The last digit is not 0, so that a power of ten to divide by never goes in.
        guard exponent >= divisorExponent else { return false }
        func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let full = a.multipliedFullWidth(by: b)
            return divisor.dividingFullWidth((full.high % divisor, full.low)).remainder
        }
        func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let (value, overflow) = a.addingReportingOverflow(b)
            return overflow || value >= divisor ? value &- divisor : value
        }
        let ten = 10 % divisor
        var rest: UInt64 = 0
        for digit in digits { rest = sum(product(rest, ten), UInt64(digit) % divisor) }
        var power = exponent - divisorExponent
        var factor = ten
        while power > 0, rest != 0 {
            if power & 1 == 1 { rest = product(rest, factor) }
            factor = product(factor, factor)
            power >>= 1
        }
        return rest == 0
    }
}

extension ExactDecimal: Comparable {
    static func < (a: ExactDecimal, b: ExactDecimal) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        return a.isNegative ? b.isSmallerInSize(than: a) : a.isSmallerInSize(than: b)
    }

    private func isSmallerInSize(than other: ExactDecimal) -> Bool {
        if isZero || other.isZero { return isZero && !other.isZero }
        let (mine, theirs) = (digits.count + exponent, other.digits.count + other.exponent)
        return mine != theirs ? mine < theirs : digits.lexicographicallyPrecedes(other.digits)
    }
}
