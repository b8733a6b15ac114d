import AgentOSCore

/// The chunked event log of all runs: appending with sequence numbers and recognition of repeats, and reading back.
public final class EventLog: Sendable {
    /// What became of a batch.
    public struct Receipt: Sendable, Hashable {
        /// Events of the request, repeats included.
        public var accepted: Int
        /// Lowest and highest sequence number under which the request's events are stored.
        public var first: Int64
        public var last: Int64
        /// Events that were stored now.
        public var stored: Int

        public init(accepted: Int, first: Int64, last: Int64, stored: Int) {
            self.accepted = accepted
            self.first = first
            self.last = last
            self.stored = stored
        }
    }

    enum Outcome {
        case stored(first: Int64, last: Int64)
        /// Sequence number of the stored twin for each repeated event (0: it repeats another event of the same
        /// request), nil for the others. Nothing was stored.
        case repeats([Int64?])
    }

    private let committer: GroupCommit
    private let database: any Database
    private let clock: WallClock
    private let prices: PriceBook
    private let alerts: EventAlerts?
    let marks = RunMarks()

    /// - Parameters:
    ///   - prices: puts a cost on the model calls that others report.
    ///   - alerts: looks at what is stored.
    public init(
        database: any Database, committer: GroupCommit, clock: WallClock, prices: PriceBook = PriceBook.builtIn,
        alerts: EventAlerts? = nil
    ) {
        self.prices = prices
        self.alerts = alerts
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    // MARK: - Appending

    /// Stores a batch; returns when it is on the disk. Events that are stored already are recognised and skipped.
    /// - Throws: NOT_FOUND when the run is gone.
    public func append(_ batch: EventBatch, toRun run: Int64) async throws -> Receipt {
        var receipt = Receipt(accepted: batch.items.count, first: Int64.max, last: 0, stored: 0)
        let createdAt = clock.now()
        var batch = batch
        batch.price(by: prices, at: createdAt)
        var chunk = try PreparedChunk(batch, createdAt: createdAt)
        while true {
            let next = chunk
            let outcome = try await committer.write(
                cost: next.body.count + 512, aborted: { [marks] in marks.drop(run) }
            ) { [self] connection in
                // Reported calls can come after the run's end, and then change what it used.
                guard next.tellsOfCalls else {
                    return try append(next, toRun: run, createdAt: createdAt.microseconds, connection)
                }
                return try RollupKeeper.recount(run, now: createdAt, connection) {
                    let outcome = try append(next, toRun: run, createdAt: createdAt.microseconds, connection)
                    try RunFigures.priceGiven(run, by: prices, at: createdAt, connection)
                    return outcome
                }
            }
            switch outcome {
            case .stored(let first, let last):
                receipt.first = min(receipt.first, first)
                receipt.last = max(receipt.last, last)
                receipt.stored = next.items.count
                return receipt
            case .repeats(let twins):
                var kept: [Int] = []
                var claimed = next.claimed
                for (position, twin) in twins.enumerated() {
                    guard let twin else {
                        kept.append(next.items[position])
                        continue
                    }
                    guard twin > 0 else { continue }
                    claimed.insert(twin)
                    receipt.first = min(receipt.first, twin)
                    receipt.last = max(receipt.last, twin)
                }
                if kept.isEmpty { return receipt }
                // Cut again outside the writer; what others store meanwhile is checked once more.
                chunk = try PreparedChunk(batch, kept: kept, claimed: claimed, createdAt: createdAt)
            }
        }
    }

    /// Stores events that the server itself made, inside a transaction of the caller's. The caller passes `forget(run:)`
    /// as what to do when that transaction is lost.
    /// - Returns: the first sequence number.
    public func append(own chunk: OwnEvents, toRun run: Int64, _ connection: any SQLConnection) throws -> Int64 {
        switch try append(chunk.chunk, toRun: run, createdAt: chunk.createdAt, connection) {
        case .stored(let first, _): return first
        case .repeats: throw StoreError.damaged("an event of the server's own")
        }
    }

    /// Drops what is remembered of a run.
    public func forget(run: Int64) { marks.drop(run) }

    private func append(
        _ chunk: PreparedChunk, toRun run: Int64, createdAt: Int64, _ connection: any SQLConnection
    ) throws -> Outcome {
        let mark = try marks[run] ?? load(run, connection)
        if try mayRepeat(chunk, mark, run, connection) {
            let twins = try RepeatFinder(connection: connection, run: run).twins(of: chunk, createdAt: createdAt)
            if twins.contains(where: { $0 != nil }) { return .repeats(twins) }
        }
        let count = Int64(chunk.items.count)
        let sums = chunk.sums
        let total = try connection.row(
            """
            UPDATE run_counters SET event_count = event_count + $2, error_count = error_count + $3,
              newest_at = MAX(COALESCE(newest_at, $4), $4), chunk_count = chunk_count + 1,
              span_count = span_count + $5, span_input = span_input + $6, span_output = span_output + $7,
              span_cache_read = span_cache_read + $8, span_cache_creation = span_cache_creation + $9,
              response_count = response_count + $10, response_input = response_input + $11,
              response_output = response_output + $12, response_cache_read = response_cache_read + $13,
              response_cache_creation = response_cache_creation + $14, span_cost = span_cost + $15,
              span_priced = span_priced + $16, response_cost = response_cost + $17,
              response_priced = response_priced + $18, model = COALESCE(model, $19)
            WHERE run_key = $1 RETURNING event_count
            """,
            [
                .int(run), .int(count), .int(Int64(chunk.errorCount)), .int(chunk.maxTime),
                .int(Int64(sums.spanCount)), .int(Int64(sums.spans.input)), .int(Int64(sums.spans.output)),
                .int(Int64(sums.spans.cacheRead)), .int(Int64(sums.spans.cacheCreation)),
                .int(Int64(sums.responseCount)), .int(Int64(sums.responses.input)), .int(Int64(sums.responses.output)),
                .int(Int64(sums.responses.cacheRead)), .int(Int64(sums.responses.cacheCreation)),
                .int(sums.spanCost.nanoUSD), .int(Int64(sums.spanPriced)), .int(sums.responseCost.nanoUSD),
                .int(Int64(sums.responsePriced)), .optional(chunk.model),
            ]
        ) { try $0.requiredInt(0) }
        guard let total else {
            marks.drop(run)
            throw AgentOSError.notFound("run")
        }
        let first = total - count + 1
        try connection.run(
            """
            INSERT INTO event_chunks (run_key, first_seq, count, min_time, max_time, flags, digests, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .int(run), .int(first), .int(count), .int(chunk.minTime), .int(chunk.maxTime),
                .int(chunk.hasSpans ? ChunkDigests.hasSpans : 0), .blob(ChunkDigests.encode(chunk.digests)),
                .blob(chunk.body),
            ])
        try alerts?.look(at: chunk, run: run, now: Timestamp(microseconds: createdAt), connection)
        if mark.lastSequence == total - count {
            marks.add(chunk, last: total, to: mark)
        } else {
            // Another node wrote to this run: what is remembered of it is stale.
            marks.drop(run)
        }
        return .stored(first: first, last: total)
    }

    private func load(_ run: Int64, _ connection: any SQLConnection) throws -> RunMarks.Mark {
        let mark = try connection.row(
            "SELECT event_count, newest_at FROM run_counters WHERE run_key = $1", [.int(run)]
        ) { row in
            let count = try row.requiredInt(0)
            return RunMarks.Mark(lastSequence: count, newest: row.int(1) ?? Int64.min, spans: count == 0 ? [] : nil)
        }
        guard let mark else { throw AgentOSError.notFound("run") }
        marks.set(mark, for: run)
        return mark
    }

    /// The quick test: false when no event of the chunk can be stored already.
    private func mayRepeat(
        _ chunk: PreparedChunk, _ mark: RunMarks.Mark, _ run: Int64, _ connection: any SQLConnection
    ) throws -> Bool {
        if chunk.hasSpans {
            if mark.spans == nil {
                marks.loadSpans(try RepeatFinder(connection: connection, run: run).spanDigests(), of: mark)
            }
            var seen = Set<UInt64>()
            for position in chunk.items.indices where chunk.isSpan(position) {
                let digest = chunk.digests[position]
                if mark.spans?.contains(digest) == true || !seen.insert(digest).inserted { return true }
            }
        }
        guard chunk.minPointTime <= mark.newest else { return false }
        if chunk.minPointTime <= mark.floor { return true }
        var points = Set<UInt64>()
        for position in chunk.items.indices where !chunk.isSpan(position) && chunk.digests[position] != 0 {
            points.insert(chunk.digests[position])
        }
        for (digests, newest) in mark.recent where newest >= chunk.minPointTime {
            for digest in digests where points.contains(digest) { return true }
        }
        return false
    }

    // MARK: - Reading

    /// Events of a run after a sequence number, in order. Ends early after `byteBound` bytes.
    public func events(
        ofRun run: Int64, after sequence: Int64, limit: Int, byteBound: Int = 48 << 20
    ) async throws -> [StoredEvent] {
        try await database.read { connection in
            try EventLog.events(ofRun: run, after: sequence, limit: limit, byteBound: byteBound, connection)
        }
    }

    public static func events(
        ofRun run: Int64, after sequence: Int64, limit: Int, byteBound: Int, _ connection: any SQLConnection
    ) throws -> [StoredEvent] {
        var out: [StoredEvent] = []
        var bytes = 0
        try connection.each(
            """
            SELECT first_seq, body FROM event_chunks
            WHERE run_key = $1 AND first_seq >= COALESCE(
              (SELECT MAX(first_seq) FROM event_chunks WHERE run_key = $1 AND first_seq <= $2), 0)
            ORDER BY first_seq
            """, [.int(run), .int(sequence + 1)]
        ) { row in
            let first = try row.requiredInt(0)
            guard let body = row.bytes(1) else { throw StoreError.damaged("an event chunk") }
            let chunk = try ChunkBody.decode(body)
            for index in 0..<chunk.count {
                let number = first + Int64(index)
                guard number > sequence else { continue }
                let raw = chunk.raw(index)
                out.append(
                    StoredEvent(
                        sequence: number, createdAt: Timestamp(microseconds: chunk.createdAt(index)), raw: raw))
                bytes += raw.count
                if out.count >= limit || bytes >= byteBound { return false }
            }
            return true
        }
        return out
    }
}

/// Events that the server itself made, compressed outside the writer.
public struct OwnEvents: Sendable {
    let chunk: PreparedChunk
    let createdAt: Int64

    public init(_ batch: EventBatch, createdAt: Timestamp) throws {
        chunk = try PreparedChunk(batch, createdAt: createdAt)
        self.createdAt = createdAt.microseconds
    }

    public var cost: Int { chunk.body.count + 512 }
    public var count: Int { chunk.items.count }
}
