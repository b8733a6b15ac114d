import AgentOSCore

/// What a run is found by: its words, and words that stand for its attributes, so that every filter is one look into the
/// same index.
struct RunDocument {
    /// Characters of one text that are indexed.
    private static let textBound = 2000
    /// Longer JSON is not taken apart.
    private static let parseBound = 256 << 10

    let body: String
    let keys: String

    init(_ row: any SQLRow, from first: Int) throws {
        let texts = [row.bytes(first), row.bytes(first + 1)].map { $0.map(Self.words) ?? "" }
        let error = String((row.text(first + 2) ?? "").prefix(Self.textBound))
        body = (texts + [error, row.text(first + 8) ?? ""]).filter { !$0.isEmpty }.joined(separator: " ")
        var keys = [
            Self.workspace(try row.requiredInt(first + 3)), Self.agent(try row.requiredInt(first + 4)),
            Self.status(try row.requiredText(first + 5)),
        ]
        let day = try row.requiredInt(first + 6) / Self.dayLength
        keys += [Self.day(day), Self.month(day)]
        keys.append(Self.cost(Money(nanoUSD: row.int(first + 7) ?? 0)))
        self.keys = keys.joined(separator: " ")
    }

    /// The columns that `init` reads, of `runs r` and its `run_counters c`.
    static let columns = """
        r.input, r.output, r.error_message, r.workspace_key, r.agent_key, r.status, r.started_at,
        \(RunFigures.cost), r.external_run_id
        """

    /// Whether it holds a phrase, as far as that can be told without the index.
    func holds(_ phrase: RunSearch.Phrase) -> Bool {
        let words = " \(RunSearch.plain(body.lowercased())) "
        return words.contains(" \(phrase.words.lowercased())" + (phrase.isOpen ? "" : " "))
    }

    // MARK: - Words for attributes

    static func workspace(_ key: Int64) -> String { "w\(key)" }
    static func agent(_ key: Int64) -> String { "a\(key)" }
    static func status(_ word: String) -> String { "s" + word.filter { $0 != "_" } }
    static func day(_ day: Int64) -> String { "d\(day)" }
    static func month(_ day: Int64) -> String { "m\(day / monthLength)" }

    /// In microseconds.
    static let dayLength: Int64 = 86_400_000_000
    /// In days: those since 1970, cut into equal pieces.
    private static let monthLength: Int64 = 32

    /// Words for the days on which a search wants runs to have begun.
    struct TimeSpan {
        /// Days of a span that is asked for with words; a longer one is left to the times themselves.
        private static let bound: Int64 = 1200

        /// One of them has to be there; empty when any will do.
        private(set) var within: [String] = []
        /// None of them may be there.
        private(set) var outside: [String] = []

        /// Nil when no run can have begun then.
        init?(since: Timestamp?, until: Timestamp?, today: Int64) {
            let first = max(0, (since?.microseconds ?? 0) / RunDocument.dayLength)
            // A clock that was set back leaves runs of tomorrow.
            let tomorrow = today + 1
            let last = until.map { min($0.microseconds / RunDocument.dayLength, tomorrow) } ?? tomorrow
            guard first <= last else { return nil }
            if last - first < Self.bound {
                within = Self.words(first...last)
            } else if last < tomorrow {
                outside = Self.words(last + 1...tomorrow)
            }
        }

        /// Whole months as such, the days before and behind them one by one.
        private static func words(_ days: ClosedRange<Int64>) -> [String] {
            var (out, day): ([String], Int64) = ([], days.lowerBound)
            while day <= days.upperBound {
                if day % RunDocument.monthLength == 0, day + RunDocument.monthLength - 1 <= days.upperBound {
                    out.append(RunDocument.month(day))
                    day += RunDocument.monthLength
                } else {
                    out.append(RunDocument.day(day))
                    day += 1
                }
            }
            return out
        }
    }

    /// Costs by powers of two of a millionth of a dollar; 0 for nothing.
    static func costClass(_ money: Money) -> Int {
        let micro = money.nanoUSD / 1000
        return micro <= 0 ? 0 : Int64.bitWidth - micro.leadingZeroBitCount
    }

    static let highestCostClass = 54

    static func cost(_ money: Money) -> String { "k\(costClass(money))" }

    // MARK: - Words of a text

    /// Names and texts of a JSON value, in order.
    private static func words(_ json: [UInt8]) -> String {
        guard json.count <= parseBound, let value = try? JSONParser.parse(json) else {
            return String(decoding: json.prefix(textBound), as: UTF8.self)
        }
        var out = ""
        collect(value, &out)
        return out
    }

    private static func collect(_ value: JSONValue, _ out: inout String) {
        guard out.utf8.count < textBound else { return }
        switch value {
        case .null, .bool: break
        case .string(let text): add(text, &out)
        case .number: add(String(decoding: value.encoded, as: UTF8.self), &out)
        case .array(let items): for item in items { collect(item, &out) }
        case .object(let object):
            for (name, value) in object.members {
                add(name, &out)
                collect(value, &out)
            }
        }
    }

    private static func add(_ text: String, _ out: inout String) {
        if !out.isEmpty { out += " " }
        out += text.prefix(max(0, textBound - out.utf8.count))
    }
}
