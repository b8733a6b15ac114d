/// Appends JSON to bytes. No formatting, no tree: the pieces of an answer are written where they are known.
public struct JSONWriter: Sendable {
    public var bytes: [UInt8] = []
    /// Escapes every non-ASCII character, as event streams need: some clients break lines at U+0085 or U+2028.
    public let asciiOnly: Bool

    public init(asciiOnly: Bool = false, capacity: Int = 256) {
        self.asciiOnly = asciiOnly
        bytes.reserveCapacity(capacity)
    }

    public mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    public mutating func raw(_ slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }

    public mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(utf8: $0) }
    }

    /// Writes a string given as valid UTF-8.
    public mutating func string(utf8 text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            if byte >= 0x80, !asciiOnly {
                index += 1
                continue
            }
            bytes.append(contentsOf: text[start..<index])
            switch byte {
            case UInt8(ascii: "\""): raw("\\\"")
            case UInt8(ascii: "\\"): raw("\\\\")
            case 0x0a: raw("\\n")
            case 0x0d: raw("\\r")
            case 0x09: raw("\\t")
            case 0..<0x80: unit(UInt32(byte))
            default:
                let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
                var scalar = UInt32(byte) & (length == 4 ? 0x07 : length == 3 ? 0x0f : 0x1f)
                for next in 1..<length where index + next < text.count {
                    scalar = scalar << 6 | UInt32(text[index + next] & 0x3f)
                }
                if scalar >= 0x10000 {
                    unit(0xd800 + (scalar - 0x10000) >> 10)
                    unit(0xdc00 + (scalar - 0x10000) & 0x3ff)
                } else {
                    unit(scalar)
                }
                index += length - 1
            }
            index += 1
            start = index
        }
        if start < text.count { bytes.append(contentsOf: text[start..<text.count]) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func unit(_ unit: UInt32) {
        raw("\\u")
        for shift in [UInt32(12), 8, 4, 0] {
            let nibble = UInt8(truncatingIfNeeded: unit >> shift) & 0xf
            bytes.append(nibble < 10 ? nibble + 0x30 : nibble + 0x57)
        }
    }

    public mutating func int(_ value: Int64) {
        if value >= 0, value < 10 {
            bytes.append(UInt8(value) + 0x30)
        } else {
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    public mutating func time(_ time: Timestamp) {
        bytes.append(UInt8(ascii: "\""))
        time.append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func id(_ bits: UUIDBits) {
        bytes.append(UInt8(ascii: "\""))
        bits.append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let flag): flag ? raw("true") : raw("false")
        case .number(let literal):
            // The literals of the non-finite numbers start with a letter or "-i".
            let first = literal.utf8.first ?? UInt8(ascii: "n")
            let second = literal.utf8.dropFirst().first
            if first >= 0x41 || (first == UInt8(ascii: "-") && (second ?? 0x41) >= 0x41) {
                raw("null")
            } else {
                raw(literal.utf8)
            }
        case .string(let text): string(text)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (position, item) in items.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                self.value(item)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in object.members.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                string(member.key)
                bytes.append(UInt8(ascii: ":"))
                self.value(member.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONValue {
    /// The value as compact JSON.
    public var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    public var text: String { String(decoding: encoded, as: UTF8.self) }

    /// The value as JSON with two spaces of indentation, as shown to models and people.
    public var prettyText: String {
        var writer = JSONWriter()
        writer.pretty(self, indent: 0)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension JSONWriter {
    mutating func pretty(_ value: JSONValue, indent: Int) {
        func newline(_ level: Int) {
            byte(0x0a)
            for _ in 0..<level * 2 { byte(0x20) }
        }
        switch value {
        case .array(let items) where !items.isEmpty:
            byte(UInt8(ascii: "["))
            for (position, item) in items.enumerated() {
                if position > 0 { byte(UInt8(ascii: ",")) }
                newline(indent + 1)
                pretty(item, indent: indent + 1)
            }
            newline(indent)
            byte(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            byte(UInt8(ascii: "{"))
            for (position, member) in object.members.enumerated() {
                if position > 0 { byte(UInt8(ascii: ",")) }
                newline(indent + 1)
                string(member.key)
                raw(": ")
                pretty(member.value, indent: indent + 1)
            }
            newline(indent)
            byte(UInt8(ascii: "}"))
        default: self.value(value)
        }
    }
}
