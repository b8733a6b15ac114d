import AgentOSCore

/// What runs are looked for by. Everything given has to hold.
public struct RunSearch: Sendable {
    /// Words that have to be in input, output or error; text in double quotes has to be there as it stands.
    public var text: String?
    public var agentKey: Int64?
    public var status: RunStatus?
    public var since: Timestamp?
    public var until: Timestamp?
    /// A label of the run's agent.
    public var tag: String?
    public var minimumCost: Money?
    public var maximumCost: Money?
    public var before: RunID?
    public var limit: Int

    public init(limit: Int) { self.limit = limit }

    /// The phrases of `text`: single words, and what stands in double quotes.
    var phrases: [String] {
        var out: [String] = []
        for (index, part) in (text ?? "").split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                out.append(String(part))
            } else {
                out += part.split(whereSeparator: \.isWhitespace).map(String.init)
            }
        }
        return out.map { phrase in
            String(phrase.map { $0.isLetter || $0.isNumber ? $0 : " " }).split(separator: " ").joined(separator: " ")
        }.filter { !$0.isEmpty }
    }
}

/// Finds runs by words and attributes.
public final class RunSearchStore: Sendable {
    /// Runs that are not in the index yet and are looked through one by one; older ones wait for the index.
    private static let unindexedBound = 5000
    /// Candidates looked at for one page.
    private static let pageOfCandidates = 400
    private static let rounds = 50

    private let database: any Database

    init(database: any Database) { self.database = database }

    /// Newest first. Ended runs are found a moment after their end, running ones at once.
    public func find(workspace: Int64, _ search: RunSearch) async throws -> [RunSummary] {
        try await database.read { connection in
            var agents: Set<Int64>?
            if let tag = search.tag { agents = try Self.agents(tagged: tag, workspace, connection) }
            if let agent = search.agentKey { agents = agents.map { $0.intersection([agent]) } ?? [agent] }
            if agents?.isEmpty == true { return [] }
            var below = Int64.max
            if let before = search.before {
                guard let key = try connection.int("SELECT key FROM runs WHERE id = $1", [.id(before)]) else {
                    throw AgentOSError.invalid("cursor", "is not one of this list's cursors")
                }
                below = key
            }
            var fresh = try Self.unindexed(workspace, search, agents, below, connection)[...]
            guard let query = Self.query(workspace, search, agents) else {
                throw AgentOSError.invalid("query", "holds no word to look for")
            }
            var found: [RunSummary] = []
            for _ in 0..<Self.rounds {
                let indexed = try connection.rows(
                    """
                    SELECT rowid FROM run_search WHERE run_search MATCH $1 AND rowid < $2 ORDER BY rowid DESC LIMIT $3
                    """, [.text(query), .int(below), .int(Int64(Self.pageOfCandidates))]
                ) { try $0.requiredInt(0) }
                let isLast = indexed.count < Self.pageOfCandidates
                below = isLast ? 0 : indexed.last ?? 0
                var keys = indexed
                while let key = fresh.first, key >= below {
                    keys.append(key)
                    fresh.removeFirst()
                }
                for key in Set(keys).sorted(by: >) {
                    guard let run = try RunStore.summary(key, workspace: workspace, connection) else { continue }
                    if Self.matches(run, search) { found.append(run) }
                    if found.count == search.limit { return found }
                }
                if isLast { break }
            }
            return found
        }
    }

    private static func matches(_ run: RunSummary, _ search: RunSearch) -> Bool {
        if let since = search.since, run.startedAt < since { return false }
        if let until = search.until, run.startedAt >= until { return false }
        if let status = search.status {
            if status == .running ? run.completedAt != nil : run.status != status { return false }
        }
        let cost = run.cost?.nanoUSD ?? 0
        if let least = search.minimumCost, cost < least.nanoUSD { return false }
        if let most = search.maximumCost, cost > most.nanoUSD { return false }
        return true
    }

    private static func agents(
        tagged tag: String, _ workspace: Int64, _ connection: any SQLConnection
    ) throws -> Set<Int64> {
        let rows = try connection.rows(
            "SELECT key, tags FROM agents WHERE workspace_key = $1 AND deleted_at IS NULL AND tags <> '[]'",
            [.int(workspace)]
        ) { (try $0.requiredInt(0), $0.json(1)?.arrayValue?.compactMap(\.stringValue) ?? []) }
        return Set(rows.filter { $0.1.contains(tag) }.map(\.0))
    }

    /// The question to the index: words in the body, attributes among the keys.
    private static func query(_ workspace: Int64, _ search: RunSearch, _ agents: Set<Int64>?) -> String? {
        let phrases = search.phrases
        if search.text != nil, phrases.isEmpty { return nil }
        var parts = phrases.map { "body : \"\($0)\"" }
        func among(_ words: [String]) -> String {
            "keys : (" + words.map { "\"\($0)\"" }.joined(separator: " OR ") + ")"
        }
        parts.append(among([RunDocument.workspace(workspace)]))
        if let agents, agents.count <= 500 { parts.append(among(agents.sorted().map(RunDocument.agent))) }
        if let status = search.status { parts.append(among([RunDocument.status(status.rawValue)])) }
        if let since = search.since {
            let last = (search.until ?? Timestamp(microseconds: since.microseconds + 366 * 86_400_000_000)).microseconds
            let days = since.microseconds / 86_400_000_000...max(since.microseconds, last) / 86_400_000_000
            if search.until != nil, days.count <= 40 {
                parts.append(among(days.map(RunDocument.day)))
            } else if search.until != nil, days.count <= 1200 {
                parts.append(among(Set(days.map(RunDocument.month)).sorted()))
            }
        }
        if search.minimumCost != nil || search.maximumCost != nil {
            let least = search.minimumCost.map(RunDocument.costClass) ?? 0
            let most = search.maximumCost.map(RunDocument.costClass) ?? RunDocument.highestCostClass
            if least <= most { parts.append(among((least...most).map { "k\($0)" })) }
        }
        return parts.joined(separator: " AND ")
    }

    /// Keys of matching runs that go on, or ended so lately that they are not in the index; newest first.
    private static func unindexed(
        _ workspace: Int64, _ search: RunSearch, _ agents: Set<Int64>?, _ below: Int64, _ connection: any SQLConnection
    ) throws -> [Int64] {
        let phrases = search.phrases.map { $0.lowercased() }
        var keys: [Int64] = []
        for source in [
            """
            FROM runs r LEFT JOIN run_counters c ON c.run_key = r.key
            WHERE r.workspace_key = $1 AND r.completed_at IS NULL AND r.key < $2 ORDER BY r.key DESC
            """,
            """
            FROM search_queue q JOIN runs r ON r.key = q.run_key LEFT JOIN run_counters c ON c.run_key = r.key
            WHERE r.workspace_key = $1 AND q.run_key < $2 ORDER BY q.run_key DESC
            """,
        ] {
            keys += try connection.rows(
                "SELECT r.key, r.agent_key, \(RunDocument.columns) \(source) LIMIT \(unindexedBound)",
                [.int(workspace), .int(below)]
            ) { row -> Int64? in
                let key = try row.requiredInt(0)
                if let agents, !agents.contains(try row.requiredInt(1)) { return nil }
                guard !phrases.isEmpty else { return key }
                let body = try RunDocument(row, from: 2).body.lowercased()
                let plain = String(body.map { $0.isLetter || $0.isNumber ? $0 : " " })
                return phrases.allSatisfy(plain.contains) ? key : nil
            }.compactMap { $0 }
        }
        return Set(keys).sorted(by: >)
    }
}
