/// An http or https URL taken apart once. What is connected to and what is sent is rebuilt from these parts, so that
/// no second parser can read the text in another way.
struct OutboundURL: Sendable, Hashable {
    enum Scheme: String, Sendable {
        case http, https
        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    let scheme: Scheme
    /// Lower case, without brackets.
    let host: String
    /// The host's address when it is spelled as one in the canonical way.
    let address: IPAddress?
    let port: Int
    /// Path and query, ready for the request line.
    let target: String

    static let maximumLength = 8192

    /// - Throws: `OutboundError` of kind `badURL`
    init(_ text: String) throws(OutboundError) {
        let trimmed = text[...].trimmingSpaces
        let bytes = Array(trimmed.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength else { throw Self.bad("it is empty or too long") }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { throw Self.bad("it has control characters") }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased())
        else { throw Self.bad("only http and https can be called") }
        let slash = UInt8(ascii: "/")
        guard bytes.count > colon + 3, bytes[colon + 1] == slash, bytes[colon + 2] == slash else {
            throw Self.bad("the host is missing")
        }
        let start = colon + 3
        let end = bytes[start...].firstIndex { $0 == slash || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        try self.init(
            scheme: scheme, authority: bytes[start..<(end ?? bytes.count)], target: bytes[(end ?? bytes.count)...])
    }

    private init(scheme: Scheme, authority: ArraySlice<UInt8>, target: ArraySlice<UInt8>) throws(OutboundError) {
        self.scheme = scheme
        guard !authority.contains(UInt8(ascii: "@")) else {
            throw Self.bad("user names and passwords in it are not allowed; use a header")
        }
        let portText: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")),
                let address = IPAddress(String(decoding: authority[(authority.startIndex + 1)..<close], as: UTF8.self)),
                !address.isV4
            else { throw Self.bad("the host is not an address") }
            self.address = address
            host = address.description
            portText = authority[(close + 1)...]
        } else {
            let colon = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
            host = try Self.hostName(authority[..<colon])
            address = IPAddress(host)
            portText = authority[colon...]
        }
        port = try Self.port(portText, default: scheme.defaultPort)
        self.target = Self.encode(target)
    }

    private static func hostName(_ bytes: ArraySlice<UInt8>) throws(OutboundError) -> String {
        var bytes = bytes
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard !bytes.isEmpty, bytes.count <= 253 else { throw bad("the host is missing or too long") }
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                continue
            case 0x80...: throw bad("the host has letters beyond ASCII; write it in its xn-- form")
            default: throw bad("the host has characters that are not allowed")
            }
        }
        return String(decoding: bytes, as: UTF8.self).lowercased()
    }

    private static func port(_ text: ArraySlice<UInt8>, default standard: Int) throws(OutboundError) -> Int {
        guard let colon = text.first else { return standard }
        guard colon == UInt8(ascii: ":") else { throw bad("the port is not a number") }
        let digits = text.dropFirst()
        if digits.isEmpty { return standard }
        guard digits.count <= 5, digits.allSatisfy({ $0 &- 0x30 <= 9 }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(port)
        else { throw bad("the port is not a number from 1 to 65535") }
        return port
    }

    /// Path and query with everything escaped that a request line cannot carry; the fragment is dropped.
    private static func encode(_ bytes: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        if bytes.first != UInt8(ascii: "/") { out.append(UInt8(ascii: "/")) }
        func isHex(_ index: Int) -> Bool {
            guard index < bytes.endIndex else { return false }
            switch bytes[index] {
            case 0x30...0x39, 0x41...0x46, 0x61...0x66: return true
            default: return false
            }
        }
        let digits = Array("0123456789ABCDEF".utf8)
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "#") { break }
            let legal: Bool
            switch byte {
            case UInt8(ascii: "%"): legal = isHex(index + 1) && isHex(index + 2)
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: legal = true
            default: legal = "-._~!$&'()*+,;=:@/?".utf8.contains(byte)
            }
            if legal {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func bad(_ problem: String) -> OutboundError {
        OutboundError(.badURL, "The URL cannot be called: \(problem).")
    }

    /// The host as it stands in a URL.
    static func bracketed(_ host: String) -> String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

    /// What goes into the `Host` header.
    var hostHeader: String {
        port == scheme.defaultPort ? Self.bracketed(host) : "\(Self.bracketed(host)):\(port)"
    }

    /// The URL with `host` as it is, or with an address in its place.
    func text(connectingTo address: IPAddress? = nil) -> String {
        let place = address?.description ?? host
        return "\(scheme.rawValue)://\(Self.bracketed(place)):\(port)\(target)"
    }

    var description: String { "\(scheme.rawValue)://\(hostHeader)\(target)" }

    func hasSameOrigin(as other: OutboundURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }
}

// MARK: - References

extension OutboundURL {
    /// The URL that a `location` header means.
    /// - Throws: `OutboundError` of kind `badURL`
    func resolving(_ reference: String) throws(OutboundError) -> OutboundURL {
        let text = reference[...].trimmingSpaces
        let origin = "\(scheme.rawValue)://\(hostHeader)"
        if Self.hasScheme(text) { return try OutboundURL(text) }
        if text.hasPrefix("//") { return try OutboundURL("\(scheme.rawValue):\(text)") }
        if text.hasPrefix("/") { return try OutboundURL(origin + text) }
        let path = target.prefix { $0 != "?" }
        if text.isEmpty || text.hasPrefix("#") { return self }
        if text.hasPrefix("?") { return try OutboundURL(origin + path + text) }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        let query = text.firstIndex { $0 == "?" || $0 == "#" } ?? text.endIndex
        return try OutboundURL(origin + Self.withoutDots(folder + text[..<query]) + text[query...])
    }

    private static func hasScheme(_ text: String) -> Bool {
        for (position, byte) in text.utf8.enumerated() {
            switch byte {
            case 0x41...0x5a, 0x61...0x7a: continue
            case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if position == 0 { return false }
            case UInt8(ascii: ":"): return position > 0
            default: return false
            }
        }
        return false
    }

    private static func withoutDots(_ path: Substring) -> String {
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        for (position, part) in parts.enumerated() {
            let isLast = position == parts.count - 1
            switch part {
            case ".": if isLast { kept.append("") }
            case "..":
                kept = kept.dropLast()
                if isLast { kept.append("") }
            default: kept.append(part)
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}
