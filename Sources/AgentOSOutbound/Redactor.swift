/// Takes secrets out of texts that are kept or shown: those it was told of, and whatever looks like a key.
public struct Redactor: Sendable {
    public static let mark = "[redacted]"

    private let secrets: [[UInt8]]
    private let findsKeys: Bool

    /// Secrets of fewer than 6 bytes are passed over: they would tear holes into ordinary words.
    public init(secrets: [String] = []) {
        self.secrets = Set(secrets).map { Array($0.utf8) }.filter { $0.count >= 6 }.sorted { $0.count > $1.count }
        findsKeys = true
    }

    /// Takes out these, however short, and nothing that merely looks like a key: for texts that must otherwise stay
    /// what they are.
    public init(only secrets: [String]) {
        self.secrets = Set(secrets).map { Array($0.utf8) }.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
        findsKeys = false
    }

    public func redact(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let end = secret(in: bytes, at: index) {
                out += Self.mark.utf8
                index = end
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The end of the secret that starts here. A label such as `Bearer ` goes with it.
    private func secret(in bytes: [UInt8], at start: Int) -> Int? {
        for secret in secrets where bytes[start] == secret[0] && bytes[start...].starts(with: secret) {
            return start + secret.count
        }
        guard findsKeys, start == 0 || !Self.isWordByte(bytes[start - 1]) else { return nil }
        if let end = Self.label("sk-", in: bytes, at: start) {
            let last = Self.keyEnd(in: bytes, from: end)
            if last - end >= 6 { return last }
        }
        if let end = Self.label("bearer ", in: bytes, at: start) {
            let last = Self.keyEnd(in: bytes, from: end)
            if last - end >= 6 { return last }
        }
        for name in ["x-api-key", "api-key", "api_key", "authorization"] {
            if let end = Self.label(name, in: bytes, at: start), let last = Self.valueEnd(in: bytes, from: end) {
                return last
            }
        }
        return nil
    }

    /// The end of `word` when it stands here in any case; `word` is given in lower case.
    private static func label(_ word: String, in bytes: [UInt8], at start: Int) -> Int? {
        var index = start
        for byte in word.utf8 {
            guard index < bytes.count else { return nil }
            let lower = bytes[index] >= 0x41 && bytes[index] <= 0x5a ? bytes[index] | 0x20 : bytes[index]
            guard lower == byte else { return nil }
            index += 1
        }
        return index
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "*"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...: true
        default: false
        }
    }

    private static func keyEnd(in bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count, isKeyByte(bytes[index]) { index += 1 }
        return index
    }

    /// The end of the value behind a header's name: `: v`, `": "v"`, `=v`, with a scheme word such as `Basic`.
    private static func valueEnd(in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        var separated = false
        while index < bytes.count, [0x20, 0x22, 0x27, 0x3a, 0x3d, 0x5c].contains(bytes[index]) {
            if bytes[index] == 0x3a || bytes[index] == 0x3d { separated = true }
            index += 1
        }
        guard separated else { return nil }
        for scheme in ["bearer ", "basic ", "token "] {
            if let end = label(scheme, in: bytes, at: index) { index = end }
        }
        let end = keyEnd(in: bytes, from: index)
        return end > index ? end : nil
    }
}
