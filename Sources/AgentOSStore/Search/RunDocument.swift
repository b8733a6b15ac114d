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
        body = (texts + [error]).filter { !$0.isEmpty }.joined(separator: " ")
        var keys = [
            Self.workspace(try row.requiredInt(first + 3)), Self.agent(try row.requiredInt(first + 4)),
            Self.status(try row.requiredText(first + 5)),
        ]
        let day = try row.requiredInt(first + 6) / 86_400_000_000
        keys += [Self.day(day), Self.month(day)]
        keys.append(Self.cost(Money(nanoUSD: row.int(first + 7) ?? 0)))
        self.keys = keys.joined(separator: " ")
    }

    /// The columns that `init` reads, of `runs r` and its `run_counters c`.
    static let columns = """
        r.input, r.output, r.error_message, r.workspace_key, r.agent_key, r.status, r.started_at,
        CASE WHEN c.span_count > 0 THEN c.span_cost ELSE c.response_cost END
        """

    // MARK: - Words for attributes

    static func workspace(_ key: Int64) -> String { "w\(key)" }
    static func agent(_ key: Int64) -> String { "a\(key)" }
    static func status(_ word: String) -> String { "s" + word.filter { $0 != "_" } }
    static func day(_ day: Int64) -> String { "d\(day)" }
    static func month(_ day: Int64) -> String { "m\(day / 32)" }

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
