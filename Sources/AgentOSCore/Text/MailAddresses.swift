/// E-mail addresses in one text, with commas between them.
public enum MailAddresses {
    /// Bytes of the longest address that mail can carry (RFC 5321).
    private static let bound = 254

    /// What stands between the commas, without white space around it; where nothing stands is passed over.
    public static func split(_ text: String) -> [String] {
        text.split(separator: ",").map(trimmed).filter { !$0.isEmpty }
    }

    private static func trimmed(_ part: Substring) -> String {
        let start = part.drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }

    /// One `@` with something on both sides, a dot after it, and nothing that ends an address in a mail's header.
    public static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard text.utf8.count <= bound, parts.count == 2, !parts[0].isEmpty, parts[1].contains("."),
            !parts[1].hasPrefix("."), !parts[1].hasSuffix(".")
        else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && scalar.value != 0x7f && !"<>,;\"\\()".unicodeScalars.contains(scalar)
                && !scalar.properties.isWhitespace
        }
    }
}
