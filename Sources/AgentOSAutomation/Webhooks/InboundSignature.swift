import AgentOSCore
import Crypto
import Foundation

/// Says whether a delivery was signed with the secret of its link.
enum InboundSignature {
    /// Seconds by which a signed time may differ from the clock here.
    private static let tolerance: Int64 = 300

    static func isValid(_ delivery: InboundDelivery, style: String, secret: String, now: Timestamp) -> Bool {
        let key = SymmetricKey(data: Array(secret.utf8))
        func matches(_ hex: Substring, _ message: [UInt8]) -> Bool {
            guard let code = bytes(ofHex: hex) else { return false }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message, using: key)
        }
        guard style == "stripe" else {
            let header = delivery.headers[style == "github" ? "x-hub-signature-256" : "x-agentos-signature"] ?? ""
            return header.hasPrefix("sha256=") && matches(header.dropFirst(7), delivery.body)
        }
        let parts = (delivery.headers["stripe-signature"] ?? "").split(separator: ",").map {
            $0.split(separator: "=", maxSplits: 1)
        }
        // The time is any number that a stranger can write: it is compared, never calculated with.
        let second = now.microseconds / 1_000_000
        guard let time = parts.first(where: { $0.first == "t" })?.last, let signed = Int64(time),
            (second - tolerance...second + tolerance).contains(signed)
        else { return false }
        return parts.contains {
            $0.count == 2 && $0[0] == "v1" && matches($0[1], Array("\(signed).".utf8) + delivery.body)
        }
    }

    private static func bytes(ofHex text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
