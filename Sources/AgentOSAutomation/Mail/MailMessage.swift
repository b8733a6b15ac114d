import AgentOSCore
import Foundation

/// A mail with a plain and an HTML part, as RFC 5322 and 2045 write it.
struct MailMessage {
    var from: String
    var to: [String]
    var subject: String
    var text: String
    var html: String
    var id: String
    var date: Timestamp

    var encoded: [UInt8] {
        let boundary = "part-\(id)"
        let domain = from.split(separator: "@").last.map(String.init) ?? "localhost"
        let lines = [
            "From: AgentOS <\(from)>",
            // An address a line: a line of mail holds 998 bytes at most.
            "To: \(to.joined(separator: ",\r\n "))", "Subject: \(Self.header(subject))",
            "Date: \(Self.rfc5322(date))", "Message-ID: <\(id)@\(domain)>", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "",
            "--\(boundary)", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
            Self.base64(text), "--\(boundary)", "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: base64", "", Self.base64(html), "--\(boundary)--", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString(
            options: [.lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed])
    }

    /// As encoded words where it is not plain ASCII; nothing in it can begin another header.
    private static func header(_ text: String) -> String {
        let clean = String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? " " : $0 })
        guard clean.utf8.count > 200 || !clean.utf8.allSatisfy({ $0 < 0x7f }) else { return clean }
        var (words, current) = ([String](), "")
        for character in clean {
            if (current + String(character)).utf8.count > 42 {
                words.append(current)
                current = ""
            }
            current.append(character)
        }
        words.append(current)
        return words.map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    private static func rfc5322(_ time: Timestamp) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
        return formatter.string(from: Date(timeIntervalSince1970: Double(time.microseconds) / 1e6))
    }
}
