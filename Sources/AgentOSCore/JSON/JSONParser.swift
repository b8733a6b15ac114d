/// Why a text is not JSON.
public struct JSONParseError: Error, Sendable, Equatable {
    public let offset: Int
    public let problem: String
}

/// Reads JSON as the official client writes it: besides RFC 8259 the bare words `NaN`, `Infinity` and `-Infinity`,
/// and lone surrogates, which become U+FFFD. Text must be UTF-8; nesting is bounded.
public struct JSONParser {
    /// Deepest nesting of a value that comes from outside.
    public static let maximumDepth = 512
    /// Deepest nesting of what this project writes around such values: answers, events, journal entries, rows.
    public static let documentDepth = maximumDepth + 32

    private let bytes: UnsafeBufferPointer<UInt8>
    private let limit: Int
    private var position = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    /// Parses one value with nothing but white space around it.
    /// - Parameter depth: the deepest nesting that is read.
    /// - Throws: `JSONParseError`
    public static func parse(_ bytes: UnsafeBufferPointer<UInt8>, depth: Int = maximumDepth) throws -> JSONValue {
        var parser = JSONParser(bytes, depth)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.failure("unexpected text after the value") }
        return value
    }

    public static func parse(_ bytes: [UInt8], depth: Int = maximumDepth) throws -> JSONValue {
        try bytes.withUnsafeBufferPointer { try parse($0, depth: depth) }
    }

    public static func parse(_ text: String, depth: Int = maximumDepth) throws -> JSONValue {
        var text = text
        return try text.withUTF8 { try parse($0, depth: depth) }
    }

    private func failure(_ problem: String) -> JSONParseError { JSONParseError(offset: position, problem: problem) }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard position < bytes.count else { throw failure("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"):
            guard depth < limit else { throw failure("nested deeper than \(limit) levels") }
            return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["):
            guard depth < limit else { throw failure("nested deeper than \(limit) levels") }
            return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        case UInt8(ascii: "N"):
            try word("NaN")
            return .number("nan")
        case UInt8(ascii: "I"):
            try word("Infinity")
            return .number("inf")
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString) throws {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { throw failure("unexpected end") }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] {
            throw failure("not a JSON value")
        }
        position += count
    }

    private mutating func object(depth: Int) throws -> JSONObject {
        position += 1
        var object = JSONObject()
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return object
        }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw failure("a member's name is due")
            }
            let key = try string()
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else { throw failure("':' is due") }
            position += 1
            skipSpace()
            let count = object.count
            object[key] = try value(depth: depth)
            if object.count == count { object.repeated.insert(key) }
            skipSpace()
            guard position < bytes.count else { throw failure("unexpected end") }
            if bytes[position] == UInt8(ascii: ",") {
                position += 1
            } else if bytes[position] == UInt8(ascii: "}") {
                position += 1
                return object
            } else {
                throw failure("',' or '}' is due")
            }
        }
    }

    private mutating func array(depth: Int) throws -> [JSONValue] {
        position += 1
        var items: [JSONValue] = []
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return items
        }
        while true {
            skipSpace()
            items.append(try value(depth: depth))
            skipSpace()
            guard position < bytes.count else { throw failure("unexpected end") }
            if bytes[position] == UInt8(ascii: ",") {
                position += 1
            } else if bytes[position] == UInt8(ascii: "]") {
                position += 1
                return items
            } else {
                throw failure("',' or ']' is due")
            }
        }
    }

    private mutating func number() throws -> JSONValue {
        let start = position
        func peek() -> UInt8 { position < bytes.count ? bytes[position] : 0 }
        if peek() == UInt8(ascii: "-") {
            position += 1
            if peek() == UInt8(ascii: "I") {
                try word("Infinity")
                return .number("-inf")
            }
        }
        guard peek() &- 0x30 <= 9 else { throw failure("not a JSON value") }
        if peek() == 0x30 {
            position += 1
        } else {
            while peek() &- 0x30 <= 9 { position += 1 }
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard peek() &- 0x30 <= 9 else { throw failure("a digit is due") }
            while peek() &- 0x30 <= 9 { position += 1 }
        }
        if peek() | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard peek() &- 0x30 <= 9 else { throw failure("a digit is due") }
            while peek() &- 0x30 <= 9 { position += 1 }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func string() throws -> String {
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let slice = UnsafeBufferPointer(rebasing: bytes[start..<position])
                guard let text = String(validating: slice, as: UTF8.self) else { throw failure("not UTF-8") }
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw failure("a raw control character in a string") }
            position += 1
        }
        throw failure("an unterminated string")
    }

    private mutating func escapedString(from start: Int) throws -> String {
        var out = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw failure("not UTF-8") }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                guard position < bytes.count else { throw failure("an unterminated string") }
                let escape = bytes[position]
                position += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
                case UInt8(ascii: "b"): out.append(0x08)
                case UInt8(ascii: "f"): out.append(0x0c)
                case UInt8(ascii: "n"): out.append(0x0a)
                case UInt8(ascii: "r"): out.append(0x0d)
                case UInt8(ascii: "t"): out.append(0x09)
                case UInt8(ascii: "u"): try unicodeEscape(into: &out)
                default: throw failure("an unknown escape in a string")
                }
            default:
                guard byte >= 0x20 else { throw failure("a raw control character in a string") }
                out.append(byte)
                position += 1
            }
        }
        throw failure("an unterminated string")
    }

    private mutating func hexUnit() throws -> UInt32 {
        guard position + 4 <= bytes.count else { throw failure("an unterminated string") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[position]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            case 0x41...0x46: digit = byte - 0x37
            default: throw failure("a bad \\u escape")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func unicodeEscape(into out: inout [UInt8]) throws {
        var scalar = try hexUnit()
        if scalar >= 0xd800, scalar < 0xdc00, position + 6 <= bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        {
            let back = position
            position += 2
            let low = try hexUnit()
            if low >= 0xdc00, low < 0xe000 {
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
            } else {
                position = back
            }
        }
        let value = Unicode.Scalar(scalar) ?? "\u{fffd}"
        out.append(contentsOf: UTF8.encode(value) ?? UTF8.encodedReplacementCharacter)
    }
}
