/// One spelling for all JSON values that are equal: `1`, `1.0` and `10e-1` are the same, and so are objects whose
/// members stand in another order. Two values are equal when their canonical bytes are.
enum CanonicalJSON {
    static func bytes(of value: JSONValue) -> [UInt8] {
        var out: [UInt8] = []
        append(value, to: &out)
        return out
    }

    private static func append(_ value: JSONValue, to out: inout [UInt8]) {
        switch value {
        case .null: out.append(UInt8(ascii: "n"))
        case .bool(let flag): out.append(UInt8(ascii: flag ? "t" : "f"))
        case .number(let literal):
            out.append(UInt8(ascii: "#"))
            if let number = ExactDecimal(literal) {
                if number.isNegative { out.append(UInt8(ascii: "-")) }
                for digit in number.digits { out.append(0x30 + digit) }
                out.append(UInt8(ascii: "e"))
                out.append(contentsOf: String(number.exponent).utf8)
            } else {
                out.append(contentsOf: literal.utf8)
            }
            out.append(UInt8(ascii: ";"))
        case .string(let text): append(text, to: &out)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for item in items { append(item, to: &out) }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            let members = object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for member in members {
                append(member.key, to: &out)
                append(member.value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    // The length in front keeps a text from running into what follows.
    private static func append(_ text: String, to out: inout [UInt8]) {
        let count = text.utf8.count
        out.append(UInt8(ascii: "\""))
        out.append(contentsOf: String(count).utf8)
        out.append(UInt8(ascii: ":"))
        out.append(contentsOf: text.utf8)
    }
}
