extension PriceBook {
    /// Reads a book: `{"prices": [entry, …]}`, at most 10,000 entries. An entry has
    ///
    /// - `model`: its id, 1 to 200 characters; `aliases`: other ids, optional;
    /// - `from`: the day from whose beginning (UTC) the price holds, `YYYY-MM-DD`; without it, always;
    /// - `input`, `output`: US dollars per million tokens, 0 to 1,000,000;
    /// - `cache_read`, `cache_write`: the same for cached tokens; without them, the price of input;
    /// - `context_tokens`: the size of the context window, optional; the newest entry that has it counts.
    ///
    /// A model may have several entries with different days.
    /// - Throws: `AgentOSError` of code `validation` naming the first entry's field that is wrong, as in
    ///   `prices[3].input`
    public init(json: [UInt8]) throws {
        let document: JSONValue
        do {
            document = try JSONParser.parse(json)
        } catch let error as JSONParseError {
            throw AgentOSError.invalid("prices", "is not JSON: \(error.problem) at byte \(error.offset)")
        }
        guard case .object(let root) = document else { throw AgentOSError.invalid("prices", "must stand in an object") }
        for key in root.keys where key != "prices" { throw AgentOSError.invalid(key, "is not known") }
        guard let list = root["prices"]?.arrayValue, list.count <= 10_000 else {
            throw AgentOSError.invalid("prices", "must be an array of at most 10000 entries")
        }
        let entries = try list.enumerated().map { try Entry($1, path: "prices[\($0)]") }
        self = try Self.book(of: entries)
    }

    /// Groups entries by model.
    private static func book(of entries: [Entry]) throws -> PriceBook {
        var models: [String: [Entry]] = [:]
        var names: [String: String] = [:]
        for entry in entries {
            if models[entry.model, default: []].contains(where: { $0.from == entry.from }) {
                throw AgentOSError.invalid("\(entry.path).from", "is that of an earlier entry of this model")
            }
            models[entry.model, default: []].append(entry)
            for (field, name) in [("model", entry.model)] + entry.aliases.map({ ("aliases", $0) }) {
                guard names.updateValue(entry.model, forKey: name).map({ $0 == entry.model }) ?? true else {
                    throw AgentOSError.invalid("\(entry.path).\(field)", "names another model of this list")
                }
            }
        }
        let grouped = models.map { id, entries in
            let sorted = entries.sorted { $0.from < $1.from }
            var aliases: [String] = []
            for alias in entries.flatMap(\.aliases) where !aliases.contains(alias) { aliases.append(alias) }
            return Model(
                id: id, aliases: aliases, prices: sorted.map { DatedPrice(from: $0.from, price: $0.price) },
                contextTokens: sorted.last { $0.contextTokens != nil }?.contextTokens)
        }
        return PriceBook(entries: Dictionary(grouped.map { ($0.id, $0) }) { first, _ in first }, names: names)
    }

    /// One entry as it stands in the text.
    private struct Entry {
        let path: String
        let model: String
        let aliases: [String]
        let from: Timestamp
        let price: Price
        let contextTokens: Int?

        private static let fields = [
            "model", "aliases", "from", "input", "output", "cache_read", "cache_write", "context_tokens",
        ]

        init(_ value: JSONValue, path: String) throws {
            guard case .object(let object) = value else { throw AgentOSError.invalid(path, "must be an object") }
            for key in object.keys where !Self.fields.contains(key) {
                throw AgentOSError.invalid("\(path).\(key)", "is not known")
            }
            self.path = path
            model = try Self.name(object["model"], "\(path).model")
            if let aliases = object["aliases"] {
                guard let list = aliases.arrayValue else {
                    throw AgentOSError.invalid("\(path).aliases", "must be an array of model ids")
                }
                self.aliases = try list.enumerated().map { try Self.name($1, "\(path).aliases[\($0)]") }
            } else {
                aliases = []
            }
            from = try Self.day(object["from"], "\(path).from")
            let input = try Self.dollars(object["input"], "\(path).input")
            price = Price(
                input: input, output: try Self.dollars(object["output"], "\(path).output"),
                cacheRead: try Self.dollars(object["cache_read"], "\(path).cache_read", default: input),
                cacheWrite: try Self.dollars(object["cache_write"], "\(path).cache_write", default: input))
            contextTokens = object["context_tokens"]?.intValue
            if object["context_tokens"] != nil {
                guard let contextTokens, contextTokens > 0 else {
                    throw AgentOSError.invalid("\(path).context_tokens", "must be an integer of at least 1")
                }
            }
        }

        private static func name(_ value: JSONValue?, _ path: String) throws -> String {
            guard let name = value?.stringValue, !name.isEmpty, name.unicodeScalars.count <= 200 else {
                throw AgentOSError.invalid(path, "must be a model id of 1 to 200 characters")
            }
            return name
        }

        private static func day(_ value: JSONValue?, _ path: String) throws -> Timestamp {
            guard let value else { return Timestamp(microseconds: .min) }
            guard let day = value.stringValue, day.utf8.count == 10, let time = Timestamp(iso8601: day + "T00:00:00Z")
            else { throw AgentOSError.invalid(path, "must be a day, as in 2026-01-31") }
            return time
        }

        private static func dollars(
            _ value: JSONValue?, _ path: String, default fallback: Double? = nil
        ) throws -> Double {
            if value == nil, let fallback { return fallback }
            guard let dollars = value?.doubleValue, (0...1_000_000).contains(dollars) else {
                throw AgentOSError.invalid(path, "must be a number of 0 to 1000000")
            }
            return dollars
        }
    }
}
