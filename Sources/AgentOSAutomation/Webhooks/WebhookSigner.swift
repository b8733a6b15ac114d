import AgentOSCore
import Crypto
import Foundation

/// Signs what is sent: the vendor's header and those of Standard Webhooks.
enum WebhookSigner {
    static func headers(
        body: [UInt8], event: String, delivery: String, secret: String, now: Timestamp
    ) -> [(name: String, value: String)] {
        let seconds = String(now.microseconds / 1_000_000)
        var signed = Array("\(delivery).\(seconds).".utf8)
        signed += body
        // Standard Webhooks keeps the key in base64 behind a prefix.
        let bare = secret.hasPrefix("whsec_") ? String(secret.dropFirst(6)) : secret
        let key = Data(base64Encoded: bare) ?? Data(bare.utf8)
        let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: key))
        return [
            ("content-type", "application/json"), ("user-agent", "agentos-webhook/1"),
            ("x-agentos-event", event), ("x-agentos-delivery", delivery),
            ("x-agentos-signature", signature(of: body, secret: secret)),
            ("webhook-id", delivery), ("webhook-timestamp", seconds),
            ("webhook-signature", "v1," + Data(code).base64EncodedString()),
        ]
    }

    /// `sha256=` and the lower-case hex of the raw body's HMAC under the secret as it is shown.
    static func signature(of body: [UInt8], secret: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(secret.utf8)))
        return "sha256=" + code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
