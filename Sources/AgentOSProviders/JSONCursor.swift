import AgentOSCore

/// Steps through JSON of an expected shape without building a tree.
///
/// A step that finds anything else says so, and the full parser decides about the text: what is accepted here it would
/// accept too, with the same meaning. White space may stand before every step.
struct JSONCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    /// The next byte after white space; 0 at the end.
    private mutating func peek() -> UInt8 {
        skipSpace()
        return position < bytes.count ? bytes[position] : 0
    }

    /// Whether nothing but white space is left.
    mutating func isAtEnd() -> Bool {
        skipSpace()
        return position == bytes.count
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    mutating func take(word: StaticString) -> Bool {
        skipSpace()
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, Self.equal(UnsafeBufferPointer(rebasing: bytes[position..<end]), word) else {
            return false
        }
        position = end
        return true
    }

    /// A string of ASCII without escapes; its contents.
    mutating func plainString() -> UnsafeBufferPointer<UInt8>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return UnsafeBufferPointer(rebasing: bytes[start..<position - 1])
            }
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return nil }
            position += 1
        }
        return nil
    }

    /// The name of a member, with the colon behind it.
    mutating func name() -> UnsafeBufferPointer<UInt8>? {
        guard let name = plainString(), take(UInt8(ascii: ":")) else { return nil }
        return name
    }

    mutating func take(name: StaticString) -> Bool {
        guard let found = self.name() else { return false }
        return Self.equal(found, name)
    }

    mutating func take(string: StaticString) -> Bool {
        guard let found = plainString() else { return false }
        return Self.equal(found, string)
    }

    /// Any string. The full parser reads it, so that escapes mean the same.
    mutating func string() -> String? {
        guard peek() == UInt8(ascii: "\"") else { return nil }
        let start = position
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else { return nil }
        position += 1
        return try? JSONParser.parse(UnsafeBufferPointer(rebasing: bytes[start..<position])).stringValue
    }

    /// A number without sign, fraction and exponent that is not too long for any integer.
    mutating func count() -> Int? {
        guard peek() &- 0x30 <= 9 else { return nil }
        let start = position
        var value = 0
        while position < bytes.count, bytes[position] &- 0x30 <= 9 {
            guard position - start < 15 else { return nil }
            value = value * 10 + Int(bytes[position] - 0x30)
            position += 1
        }
        return bytes[start] == 0x30 && position - start > 1 ? nil : value
    }

    /// Passes over a value without parts.
    mutating func skipScalar() -> Bool {
        switch peek() {
        case UInt8(ascii: "\""): plainString() != nil
        case UInt8(ascii: "n"): take(word: "null")
        case UInt8(ascii: "t"): take(word: "true")
        case UInt8(ascii: "f"): take(word: "false")
        default: count() != nil
        }
    }

    static func equal(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in bytes.indices where bytes[index] != text.utf8Start[index] { return false }
        return true
    }
}
