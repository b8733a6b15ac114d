import AgentOSCore
import AgentOSOutbound
import AgentOSStore

/// Takes the secrets that a call was sent with out of what comes back, in the spellings in which servers echo them.
struct SecretEchoes: Sendable {
    private let redactor: Redactor
    /// Bytes of the longest spelling.
    private let longest: Int

    init(_ secrets: [String]) {
        let spellings = secrets.flatMap(Self.spellings)
        redactor = Redactor(only: spellings)
        longest = spellings.map(\.utf8.count).max() ?? 0
    }

    /// As it is, inside a JSON string (with and without escaped slashes), inside a URL.
    private static func spellings(_ secret: String) -> [String] {
        let quoted = String(JSONValue.string(secret).text.dropFirst().dropLast())
        let slashed = quoted.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "\\/")
        return [secret, quoted, slashed, PercentEncoding.strict(secret)]
    }

    /// - Parameter cut: the text ends where reading stopped, maybe inside an echo; that end is left out.
    func removed(from text: String, cut: Bool = false) -> String {
        guard longest > 0 else { return text }
        let clean = redactor.redact(text)
        return cut ? String(decoding: clean.utf8.dropLast(longest), as: UTF8.self) : clean
    }
}

extension WorkspaceToolCredentials {
    /// What must not come back: the bearer secret, and the values of headers that by their name are one.
    var secrets: [String] {
        var out = secret.map { [$0] } ?? []
        for (name, value) in headers where Self.isSecret(header: name) && value.utf8.count >= 6 {
            out.append(value)
            // `Basic …` is echoed without its scheme too.
            if let word = value.split(separator: " ").last, word.utf8.count >= 6 { out.append(String(word)) }
        }
        return out
    }

    private static func isSecret(header name: String) -> Bool {
        let name = name.lowercased()
        return ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature"]
            .contains { name.contains($0) }
    }
}
