import Foundation

/// Where mail is handed in: `smtp://[user:password@]host[:port]`, or `smtps://` for TLS from the start.
///
/// A plain connection is upgraded when the server offers it, and has to be when there is a password; `?tls=off`,
/// `?tls=try` and `?tls=required` say otherwise.
public struct MailServer: Sendable {
    enum TLS: Int32 { case off = 0, attempt, required }

    /// Why an address cannot be used.
    public struct Invalid: Error { public let message: String }

    let url: String
    let user: String?
    let password: String?
    let tls: TLS
    /// The sender's address.
    let from: String

    /// - Throws: `Invalid`; the message never holds the password.
    public init(url text: String, from: String?) throws(Invalid) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "smtp" || scheme == "smtps", let host = parts.host, !host.isEmpty
        else { throw Invalid(message: "must be smtp://[user:password@]host[:port] or smtps://…") }
        guard let from, from.split(separator: "@").count == 2,
            from.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x3c && $0 != 0x3e })
        else { throw Invalid(message: "needs mail_from (AGENTOS_MAIL_FROM), an address like agentos@example.com") }
        user = parts.user
        password = parts.password
        switch parts.queryItems?.first(where: { $0.name == "tls" })?.value {
        case nil: tls = parts.user == nil ? .attempt : .required
        case "off": tls = .off
        case "try": tls = .attempt
        case "required": tls = .required
        default: throw Invalid(message: "tls must be off, try or required")
        }
        url = "\(scheme)://\(host)" + (parts.port.map { ":\($0)" } ?? "")
        self.from = from
    }
}
