import AgentOSCore

/// What runs are looked for by. Everything given has to hold.
public struct RunSearch: Sendable {
    /// Words that have to be in input, output, error or external id; text in double quotes has to be there as it
    /// stands, and a `*` at the end of a word or a quote leaves its end open.
    public var text: String?
    public var agentKey: Int64?
    public var status: RunStatus?
    public var since: Timestamp?
    public var until: Timestamp?
    /// A label of the run's agent.
    public var tag: String?
    public var minimumCost: Money?
    public var maximumCost: Money?

    public init() {}

    /// Words that stand in this order.
    struct Phrase: Equatable {
        /// With single blanks between the words.
        var words: String
        /// Whether the last word may go on.
        var isOpen: Bool

        /// In bytes: a shorter beginning has too many words behind it to be looked for.
        static let shortestBeginning = 3
    }

    /// The phrases of `text`: single words, and what stands in double quotes.
    /// - Throws: VALIDATION_ERROR naming `query` when the text holds no word, or a beginning that is too short.
    func phrases() throws -> [Phrase] {
        guard let text else { return [] }
        var raw: [(text: Substring, isOpen: Bool)] = []
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index % 2 == 0 {
                let isBehindQuote = index > 0 && part.hasPrefix("*")
                for word in part.dropFirst(isBehindQuote ? 1 : 0).split(whereSeparator: \.isWhitespace) {
                    raw.append((word, word.hasSuffix("*")))
                }
            } else {
                raw.append((part, index + 1 < parts.count && parts[index + 1].hasPrefix("*")))
            }
        }
        let phrases = raw.map { Phrase(words: Self.plain($0.text), isOpen: $0.isOpen) }.filter { !$0.words.isEmpty }
        guard !phrases.isEmpty else { throw AgentOSError.invalid("query", "holds no word to look for") }
        for phrase in phrases where phrase.isOpen {
            let last = phrase.words.split(separator: " ").last ?? ""
            guard last.utf8.count >= Phrase.shortestBeginning else {
                throw AgentOSError.invalid("query", "needs at least three letters or digits before a *")
            }
        }
        return phrases
    }

    /// The words of a text with single blanks between them.
    static func plain(_ text: some StringProtocol) -> String {
        String(text.map { $0.isLetter || $0.isNumber ? $0 : " " }).split(separator: " ").joined(separator: " ")
    }

    /// Whether a run that began then is meant.
    func covers(_ startedAt: Timestamp) -> Bool {
        if let since, startedAt < since { return false }
        if let until, startedAt >= until { return false }
        return true
    }
}
