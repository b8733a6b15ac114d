/// URI references, as far as `$id` and `$ref` need them: RFC 3986 without normalisation.
enum SchemaReference {
    /// The reference without its fragment, and the fragment without its `#`.
    static func split(_ reference: String) -> (address: String, fragment: String?) {
        guard let hash = reference.utf8.firstIndex(of: UInt8(ascii: "#")) else { return (reference, nil) }
        return (String(reference[..<hash]), String(reference[reference.utf8.index(after: hash)...]))
    }

    /// What an address without fragment means, seen from `base`, which has none either.
    static func resolve(_ address: String, against base: String) -> String {
        if address.isEmpty { return base }
        if schemeEnd(of: address) != nil { return address }
        let (prefix, authority, path) = parts(of: base)
        if address.hasPrefix("//") { return prefix + address }
        if address.hasPrefix("/") { return prefix + authority + withoutDots(address) }
        if address.hasPrefix("?") { return prefix + authority + path + address }
        let folder: Substring
        if let slash = path.lastIndex(of: "/") {
            folder = path[...slash]
        } else {
            folder = authority.isEmpty ? "" : "/"
        }
        return prefix + authority + withoutDots(folder + address)
    }

    private static func schemeEnd(of address: String) -> String.Index? {
        guard let colon = address.firstIndex(of: ":"), let first = address.unicodeScalars.first,
            first.isASCII, first.properties.isAlphabetic
        else { return nil }
        let isScheme = address[..<colon].unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789+-.".unicodeScalars.contains(scalar))
        }
        return isScheme ? colon : nil
    }

    /// The scheme with its colon, the authority with its slashes, the path without the query.
    private static func parts(of address: String) -> (scheme: String, authority: String, path: String) {
        var rest = address[...]
        var scheme = ""
        if let colon = schemeEnd(of: address) {
            scheme = String(address[...colon])
            rest = address[address.index(after: colon)...]
        }
        var authority = ""
        if rest.hasPrefix("//") {
            let end = rest.dropFirst(2).firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex
            authority = String(rest[..<end])
            rest = rest[end...]
        }
        return (scheme, authority, String(rest[..<(rest.firstIndex(of: "?") ?? rest.endIndex)]))
    }

    private static func withoutDots(_ path: some StringProtocol) -> String {
        let query = path.firstIndex(of: "?") ?? path.endIndex
        let segments = path[..<query].split(separator: "/", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        for (position, segment) in segments.enumerated() {
            let isLast = position == segments.count - 1
            switch segment {
            case ".":
                if isLast { kept.append("") }
            case "..":
                if kept.count > 1 || (kept.count == 1 && kept[0] != "") { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(Substring(segment))
            }
        }
        return kept.joined(separator: "/") + path[query...]
    }

    /// The names that a JSON pointer, given as a fragment, goes through; nil when it is none.
    static func pointer(_ fragment: String) -> [String]? {
        guard let text = withoutPercents(fragment) else { return nil }
        if text.isEmpty { return [] }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        for token in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            var bytes: [UInt8] = []
            var escaped = false
            for byte in token {
                if escaped {
                    guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else { return nil }
                    bytes.append(UInt8(ascii: byte == UInt8(ascii: "0") ? "~" : "/"))
                    escaped = false
                } else if byte == UInt8(ascii: "~") {
                    escaped = true
                } else {
                    bytes.append(byte)
                }
            }
            guard !escaped else { return nil }
            tokens.append(String(decoding: bytes, as: UTF8.self))
        }
        return tokens
    }

    private static func withoutPercents(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return text }
        func nibble(_ byte: UInt8) -> UInt8? {
            Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
        }
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.count, let high = nibble(bytes[index + 1]), let low = nibble(bytes[index + 2])
                else { return nil }
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(validating: out, as: UTF8.self)
    }
}
