/// Fills the `{{KEY}}` placeholders of a system prompt.
///
/// A key is `[A-Za-z_][A-Za-z0-9_]*`, spaces inside the braces are allowed. A placeholder without a value stays as it
/// is. One pass: what was put in is not looked at again.
public enum PromptTemplate {
    public static func fill(_ template: String, with values: [String: String]) -> String {
        guard template.utf8.contains(UInt8(ascii: "{")) else { return template }
        let bytes = Array(template.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let (key, end) = placeholder(in: bytes, at: index), let value = values[key] {
                out.append(contentsOf: value.utf8)
                index = end
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func placeholder(in bytes: [UInt8], at start: Int) -> (key: String, end: Int)? {
        let open = UInt8(ascii: "{")
        let close = UInt8(ascii: "}")
        guard start + 4 < bytes.count, bytes[start] == open, bytes[start + 1] == open else { return nil }
        var index = start + 2
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        let keyStart = index
        while index < bytes.count, isKeyByte(bytes[index], first: index == keyStart) { index += 1 }
        let keyEnd = index
        guard keyEnd > keyStart else { return nil }
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        guard index + 1 < bytes.count, bytes[index] == close, bytes[index + 1] == close else { return nil }
        return (String(decoding: bytes[keyStart..<keyEnd], as: UTF8.self), index + 2)
    }

    private static func isKeyByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case 0x41...0x5a, 0x61...0x7a, 0x5f: true
        case 0x30...0x39: !first
        default: false
        }
    }
}
