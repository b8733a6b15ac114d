/// What a user may say in a request: a method that is a word, headers that cannot break out of their line, and none of
/// the headers that frame the message or choose its host.
enum RequestRules {
    private static let framing: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer",
        "upgrade", "expect",
    ]

    /// Headers that belong to the host they were meant for.
    static let credentials: Set<String> = ["authorization", "proxy-authorization", "cookie", "cookie2", "x-api-key"]

    /// - Throws: `OutboundError` of kind `badRequest`
    static func check(_ request: OutboundRequest) throws(OutboundError) {
        let method = request.method.uppercased()
        guard !method.isEmpty, method.utf8.count <= 20, method.utf8.allSatisfy(isTokenByte),
            method != "CONNECT", method != "TRACE"
        else { throw OutboundError(.badRequest, "The method is not one that can be sent.") }
        guard request.headers.count <= 100 else { throw OutboundError(.badRequest, "More than 100 headers.") }
        for (name, value) in request.headers {
            guard !name.isEmpty, name.utf8.count <= 200, name.utf8.allSatisfy(isTokenByte) else {
                throw OutboundError(.badRequest, "A header's name has characters that are not allowed.")
            }
            guard !framing.contains(name.lowercased()) else {
                throw OutboundError(.badRequest, "The header \(name) cannot be set.")
            }
            guard value.utf8.count <= 16_384, value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }) else {
                throw OutboundError(
                    .badRequest,
                    "The value of the header \(name) has line breaks or control characters, or is too long.")
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e:
            true
        default: false
        }
    }
}
