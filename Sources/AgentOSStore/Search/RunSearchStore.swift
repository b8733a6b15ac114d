import AgentOSCore

/// Finds runs by words and attributes.
public final class RunSearchStore: Sendable {
    /// Runs that are not in the index yet and are looked through one by one; older ones wait for the index.
    private static let unindexedBound = 5000
    /// What one call takes from the index: little at first, then more at once, and so often; and how many runs of that
    /// it looks at.
    private static let firstCandidates = 400
    private static let moreCandidates = 4000
    private static let rounds = 50
    private static let lookBound = 20_000

    private let database: any Database
    private let clock: WallClock

    init(database: any Database, clock: WallClock) {
        self.database = database
        self.clock = clock
    }

    private struct Candidate {
        let key: Int64
        let agent: Int64
        let startedAt: Timestamp
    }

    /// Newest first. Ended runs are found a moment after their end, running ones at once. A page can hold less than was
    /// asked for, or nothing, and still not be the last: then much was looked at in vain.
    /// - Throws: VALIDATION_ERROR naming `query` or `cursor`.
    public func find(workspace: Int64, _ search: RunSearch, _ page: PageRequest) async throws -> Page<RunSummary> {
        let phrases = try search.phrases()
        let start = try page.key(start: .max)
        let today = clock.now().microseconds / RunDocument.dayLength
        return try await database.read { connection in
            var agents: Set<Int64>?
            if let tag = search.tag { agents = try Self.agents(tagged: tag, workspace, connection) }
            if let agent = search.agentKey { agents = agents.map { $0.intersection([agent]) } ?? [agent] }
            let span = RunDocument.TimeSpan(since: search.since, until: search.until, today: today)
            guard let span, agents?.isEmpty != true else { return Page([]) }
            var below = start
            var fresh = try Self.unindexed(workspace, search, phrases, agents, below, connection)[...]
            let query = Self.query(workspace, search, phrases, agents, span)
            var found: [(RunSummary, ListPlace)] = []
            var looks = 0
            for round in 0..<Self.rounds {
                let count = round == 0 ? Self.firstCandidates : Self.moreCandidates
                // All that the time rules out is passed over here, where it costs least.
                let indexed = try connection.rows(
                    """
                    SELECT r.key, r.agent_key, r.started_at
                    FROM run_search CROSS JOIN runs r ON r.key = run_search.rowid
                    WHERE run_search MATCH $1 AND run_search.rowid < $2 ORDER BY run_search.rowid DESC LIMIT $3
                    """, [.text(query), .int(below), .int(Int64(count))]
                ) { row in
                    Candidate(
                        key: try row.requiredInt(0), agent: try row.requiredInt(1),
                        startedAt: Timestamp(microseconds: try row.requiredInt(2)))
                }
                let isLast = indexed.count < count
                below = isLast ? 0 : indexed.last?.key ?? 0
                var keys = Set(
                    indexed.filter { search.covers($0.startedAt) && agents?.contains($0.agent) != false }.map(\.key))
                while let key = fresh.first, key >= below {
                    keys.insert(key)
                    fresh.removeFirst()
                }
                for key in keys.sorted(by: >) {
                    // This one is the first that the next page looks at.
                    guard looks < Self.lookBound else { return Page(found.map(\.0), end: ListPlace(.int(key + 1))) }
                    looks += 1
                    guard let run = try RunStore.summary(key, workspace: workspace, connection),
                        Self.matches(run, search)
                    else { continue }
                    found.append((run, ListPlace(.int(key))))
                    if found.count > page.limit { return Page(found: found, page) }
                }
                if isLast { return Page(found: found, page) }
            }
            return Page(found.map(\.0), end: ListPlace(.int(below)))
        }
    }

    private static func matches(_ run: RunSummary, _ search: RunSearch) -> Bool {
        guard search.covers(run.startedAt) else { return false }
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
    private static func query(
        _ workspace: Int64, _ search: RunSearch, _ phrases: [RunSearch.Phrase], _ agents: Set<Int64>?,
        _ span: RunDocument.TimeSpan
    ) -> String {
        var parts = phrases.map { "body : \"\($0.words)\"" + ($0.isOpen ? " *" : "") }
        func among(_ words: [String]) -> String {
            "keys : (" + words.map { "\"\($0)\"" }.joined(separator: " OR ") + ")"
        }
        parts.append(among([RunDocument.workspace(workspace)]))
        if let agents, agents.count <= 500 { parts.append(among(agents.sorted().map(RunDocument.agent))) }
        if let status = search.status { parts.append(among([RunDocument.status(status.rawValue)])) }
        if search.minimumCost != nil || search.maximumCost != nil {
            let least = search.minimumCost.map(RunDocument.costClass) ?? 0
            let most = search.maximumCost.map(RunDocument.costClass) ?? RunDocument.highestCostClass
            if least <= most { parts.append(among((least...most).map { "k\($0)" })) }
        }
        if !span.within.isEmpty { parts.append(among(span.within)) }
        let all = parts.joined(separator: " AND ")
        return span.outside.isEmpty ? all : "(\(all)) NOT \(among(span.outside))"
    }

    /// Keys of matching runs that go on, or ended so lately that they are not in the index; newest first.
    private static func unindexed(
        _ workspace: Int64, _ search: RunSearch, _ phrases: [RunSearch.Phrase], _ agents: Set<Int64>?, _ below: Int64,
        _ connection: any SQLConnection
    ) throws -> [Int64] {
        var keys: [Int64] = []
        for source in [
            """
            FROM runs r LEFT JOIN run_counters c ON c.run_key = r.key
            WHERE r.workspace_key = $1 AND r.completed_at IS NULL AND r.key < $2
              AND r.started_at >= $3 AND r.started_at < $4 ORDER BY r.key DESC
            """,
            """
            FROM search_queue q CROSS JOIN runs r LEFT JOIN run_counters c ON c.run_key = r.key
            WHERE r.key = q.run_key AND r.workspace_key = $1 AND q.run_key < $2
              AND r.started_at >= $3 AND r.started_at < $4 ORDER BY q.run_key DESC
            """,
        ] {
            keys += try connection.rows(
                "SELECT r.key, r.agent_key, \(RunDocument.columns) \(source) LIMIT \(unindexedBound)",
                [
                    .int(workspace), .int(below), .int(search.since?.microseconds ?? .min),
                    .int(search.until?.microseconds ?? .max),
                ]
            ) { row -> Int64? in
                let key = try row.requiredInt(0)
                if let agents, !agents.contains(try row.requiredInt(1)) { return nil }
                guard !phrases.isEmpty else { return key }
                let document = try RunDocument(row, from: 2)
                return phrases.allSatisfy(document.holds) ? key : nil
            }.compactMap { $0 }
        }
        return Set(keys).sorted(by: >)
    }
}
