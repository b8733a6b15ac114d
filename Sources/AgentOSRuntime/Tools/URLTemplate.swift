import AgentOSCore

/// An absolute URL whose path and query can hold `{name}` placeholders. Scheme and host are fixed: whatever a model
/// gives, the call goes where the workspace's admin pointed it.
public struct URLTemplate: Sendable {
    /// Why a text is no such URL.
    public struct Invalid: Error, Sendable {
        public let message: String
    }

    private enum Piece: Sendable {
        case text(String)
        case placeholder(String)
    }

    /// Scheme and authority.
    private let origin: String
    private let path: [Piece]
    private let query: [Piece]?

    /// The fragment is dropped.
    public init(_ text: String) throws(Invalid) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw Invalid(message: "must not hold blanks or control characters")
        }
        let bytes = Array(text.utf8)
        let slash = UInt8(ascii: "/")
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 3 < bytes.count,
            bytes[colon + 1] == slash, bytes[colon + 2] == slash
        else { throw Invalid(message: "must be an absolute http or https URL") }
        let end =
            bytes[(colon + 3)...].firstIndex { $0 == slash || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            ?? bytes.count
        guard !bytes[..<end].contains(where: Self.isBrace) else {
            throw Invalid(message: "can have placeholders in its path and query only, not in scheme or host")
        }
        origin = String(decoding: bytes[..<end], as: UTF8.self)
        let rest = bytes[end...].prefix { $0 != UInt8(ascii: "#") }
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        let pathBytes = rest[..<(mark ?? rest.endIndex)]
        guard !Self.climbs(String(decoding: pathBytes, as: UTF8.self)) else {
            throw Invalid(message: "must not have . or .. in its path")
        }
        path = try Self.pieces(pathBytes)
        if let mark { query = try Self.pieces(rest[(mark + 1)...]) } else { query = nil }
    }

    private static func isBrace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") }

    private static func pieces(_ bytes: ArraySlice<UInt8>) throws(Invalid) -> [Piece] {
        var out: [Piece] = []
        var rest = bytes
        while let brace = rest.firstIndex(where: isBrace) {
            let close = rest[brace...].firstIndex(of: UInt8(ascii: "}")) ?? rest.endIndex
            guard rest[brace] == UInt8(ascii: "{"), close < rest.endIndex, isName(rest[(brace + 1)..<close]) else {
                throw Invalid(message: "has braces that are no placeholder such as {id}")
            }
            if brace > rest.startIndex { out.append(.text(String(decoding: rest[..<brace], as: UTF8.self))) }
            out.append(.placeholder(String(decoding: rest[(brace + 1)..<close], as: UTF8.self)))
            rest = rest[(close + 1)...]
        }
        if !rest.isEmpty { out.append(.text(String(decoding: rest, as: UTF8.self))) }
        return out
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 100, !(0x30...0x39).contains(first) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }

    /// The names of the placeholders, each once, in order.
    public var names: [String] {
        var out: [String] = []
        for case .placeholder(let name) in path + (query ?? []) where !out.contains(name) { out.append(name) }
        return out
    }

    /// The URL with `x` in each place, to be checked when the template is stored.
    public var sample: String {
        func filled(_ pieces: [Piece]) -> String {
            pieces.map { piece in if case .text(let text) = piece { text } else { "x" } }.joined()
        }
        return origin + filled(path) + (query.map { "?" + filled($0) } ?? "")
    }

    /// The URL with its places filled; the arguments that were used are taken out.
    func fill(_ arguments: inout JSONObject) throws(ToolFailure) -> String {
        let path = try Self.filled(path, arguments, mayBeEmpty: false)
        guard !Self.climbs(path) else {
            throw ToolFailure("\".\" and \"..\" cannot be a part of the URL's path.")
        }
        var url = origin + path
        if let query { url += "?" + (try Self.filled(query, arguments, mayBeEmpty: true)) }
        for name in names { arguments[name] = nil }
        return url
    }

    private static func filled(
        _ pieces: [Piece], _ arguments: JSONObject, mayBeEmpty: Bool
    ) throws(ToolFailure) -> String {
        var out = ""
        for piece in pieces {
            switch piece {
            case .text(let text): out += text
            case .placeholder(let name):
                guard let value = arguments[name], !value.isNull else {
                    throw ToolFailure("The argument \(name) is missing: it is part of the URL.")
                }
                let text = value.stringValue ?? value.text
                // Without it the path would name what lies above: the whole list instead of one item.
                guard mayBeEmpty || !text.isEmpty else {
                    throw ToolFailure("The argument \(name) must not be empty: it is part of the URL's path.")
                }
                out += PercentEncoding.strict(text)
            }
        }
        return out
    }

    /// Whether a server could take a part of the path for a step upwards.
    private static func climbs(_ path: String) -> Bool {
        Array(path.utf8).split(separator: UInt8(ascii: "/")).contains { part in
            var dots = 0
            var rest = part
            while !rest.isEmpty {
                if rest.first == UInt8(ascii: ".") {
                    rest = rest.dropFirst()
                } else if rest.prefix(3).elementsEqual("%2e".utf8) || rest.prefix(3).elementsEqual("%2E".utf8) {
                    rest = rest.dropFirst(3)
                } else {
                    return false
                }
                dots += 1
            }
            return dots == 1 || dots == 2
        }
    }
}
