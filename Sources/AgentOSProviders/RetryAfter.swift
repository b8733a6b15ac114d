import AgentOSCore

/// The value of a `Retry-After` header.
enum RetryAfter {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds from `now`, never negative. Reads a number of seconds or `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func seconds(_ text: String, now: Timestamp) -> Double? {
        let text = text.filter { $0 != "\t" }
        let words = text.split(separator: " ")
        if words.count == 1, let number = Double(words[0]) {
            return number.isFinite ? max(0, number) : nil
        }
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
            words[1].utf8.count == 2, words[3].utf8.count == 4
        else { return nil }
        let digits = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        guard let date = Timestamp(iso8601: "\(words[3])-\(digits)-\(words[1])T\(words[4])Z") else { return nil }
        return max(0, Double(date.microseconds - now.microseconds) / 1_000_000)
    }
}
