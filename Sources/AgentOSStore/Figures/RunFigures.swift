import AgentOSCore

/// What a run counts for, as SQL over its `run_counters c`: one place says it for rows, lists, sums and searches.
enum RunFigures {
    private static let givesCounts = """
        (c.given_input IS NOT NULL OR c.given_output IS NOT NULL OR c.given_cache_read IS NOT NULL
          OR c.given_cache_creation IS NOT NULL)
        """

    /// What one run counts for at most in sums, so that no report can make them overflow: far above what any model takes.
    static let most = 1_000_000_000_000_000

    /// Counts given at the run's end win over those of spans, those over responses' (contract 3.6).
    static func tokens(times factor: Int = 1) -> String {
        ["input", "output", "cache_read", "cache_creation"].map { part in
            """
            \(factor) * MIN(\(most), CASE WHEN \(givesCounts) THEN COALESCE(c.given_\(part), 0)
              WHEN c.span_count > 0 THEN c.span_\(part) ELSE c.response_\(part) END)
            """
        }.joined(separator: ", ")
    }

    /// By the same authority as the tokens; zero where nothing has a known price.
    static let cost =
        "COALESCE(c.given_cost, CASE WHEN c.span_count > 0 THEN c.span_cost ELSE c.response_cost END)"

    /// Model calls without a known price.
    static let unpricedCalls = """
        CASE WHEN c.given_cost IS NOT NULL THEN 0 WHEN c.span_count > 0 THEN c.span_count - c.span_priced
          ELSE c.response_count - c.response_priced END
        """

    /// Whether the counts given at the end are those of the calls.
    private static func given(equal calls: String) -> String {
        ["input", "output", "cache_read", "cache_creation"].map { part in
            "c.\(calls)_\(part) = COALESCE(c.given_\(part), 0)"
        }.joined(separator: " AND ")
    }

    /// Puts a price on the counts given at a run's end: what its calls cost where those tell of the same tokens, else the
    /// price of the model that the run named first.
    static func priceGiven(_ run: Int64, by prices: PriceBook, at time: Timestamp, _ connection: any SQLConnection)
        throws
    {
        let row = try connection.row(
            """
            SELECT \(tokens()), c.model,
              CASE WHEN c.span_priced > 0 AND \(given(equal: "span")) THEN c.span_cost
                WHEN c.span_count = 0 AND c.response_priced > 0 AND \(given(equal: "response"))
                  THEN c.response_cost END
            FROM run_counters c WHERE c.run_key = $1 AND \(givesCounts)
            """, [.int(run)]
        ) { row in
            (
                usage: TokenUsage(
                    input: Int(try row.requiredInt(0)), output: Int(try row.requiredInt(1)),
                    cacheRead: Int(try row.requiredInt(2)), cacheCreation: Int(try row.requiredInt(3))),
                model: row.text(4), known: row.int(5)
            )
        }
        guard let row else { return }
        let priced = row.model.flatMap { prices.price(of: $0, at: time)?.cost(of: row.usage).nanoUSD }
        try connection.run(
            "UPDATE run_counters SET given_cost = $2 WHERE run_key = $1", [.int(run), .optional(row.known ?? priced)])
    }
}
