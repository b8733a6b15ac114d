import AgentOSCore

/// Merges the small chunks of ended runs into large, better compressed segments. Reading and compressing happen outside
/// the writer; the swap is one short transaction that does nothing when the chunks have changed meanwhile.
public final class ChunkMerger: Sendable {
    /// Events and bytes of a segment.
    private static let segmentEvents = 2048
    private static let segmentBytes = 1 << 20

    private let database: any Database
    private let committer: GroupCommit
    private let clock: WallClock

    public init(database: any Database, committer: GroupCommit, clock: WallClock) {
        self.database = database
        self.committer = committer
        self.clock = clock
    }

    private struct Row: Sendable {
        let id: Int64
        let first: Int64
        let count: Int
        let minTime: Int64
        let maxTime: Int64
        let flags: Int64
        let digests: [UInt8]
        let body: [UInt8]
    }

    /// Merges the runs that are due, up to `limit`. Returns how many were worked on.
    public func mergeDue(limit: Int) async throws -> Int {
        let now = clock.now()
        let due = try await database.read { connection in
            try connection.rows(
                "SELECT run_key FROM merge_queue WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
                [.time(now), .int(Int64(limit))]
            ) { try $0.requiredInt(0) }
        }
        for run in due {
            try Task.checkCancellation()
            try await merge(run: run)
        }
        return due.count
    }

    /// Merges one run's chunks, segment by segment.
    func merge(run: Int64) async throws {
        var after: Int64 = 0
        while let segment = try await nextSegment(of: run, after: after) {
            after = segment.last
            if segment.rows.count > 1 { try await replace(segment.rows, run: run) }
        }
        try await committer.write { connection in
            try connection.run("DELETE FROM merge_queue WHERE run_key = $1", [.int(run)])
            try connection.run(
                """
                UPDATE run_counters SET merged_at = $2,
                  chunk_count = (SELECT COUNT(*) FROM event_chunks WHERE run_key = $1) WHERE run_key = $1
                """, [.int(run), .time(Timestamp(microseconds: 0))])
        }
    }

    /// Neighbouring chunks after a sequence number that fit into one segment.
    private func nextSegment(of run: Int64, after: Int64) async throws -> (rows: [Row], last: Int64)? {
        try await database.read { connection in
            var rows: [Row] = []
            var events = 0
            var bytes = 0
            try connection.each(
                """
                SELECT id, first_seq, count, min_time, max_time, flags, digests, body FROM event_chunks
                WHERE run_key = $1 AND first_seq > $2 ORDER BY first_seq
                """, [.int(run), .int(after)]
            ) { row in
                let next = Row(
                    id: try row.requiredInt(0), first: try row.requiredInt(1), count: Int(try row.requiredInt(2)),
                    minTime: try row.requiredInt(3), maxTime: try row.requiredInt(4), flags: try row.requiredInt(5),
                    digests: row.bytes(6) ?? [], body: row.bytes(7) ?? [])
                // Compressed bytes stand in for plain ones; a chunk grows about threefold.
                if !rows.isEmpty,
                    events + next.count > Self.segmentEvents || (bytes + next.body.count) * 3 > Self.segmentBytes
                {
                    return false
                }
                rows.append(next)
                events += next.count
                bytes += next.body.count
                return true
            }
            guard let last = rows.last else { return nil }
            return (rows, last.first + Int64(last.count) - 1)
        }
    }

    private func replace(_ rows: [Row], run: Int64) async throws {
        var lengths: [Int] = []
        var groups: [ChunkBody.Group] = []
        var plain: [UInt8] = []
        for row in rows {
            let chunk = try ChunkBody.decode(row.body)
            for index in 0..<chunk.count { lengths.append(chunk.offsets[index + 1] - chunk.offsets[index]) }
            if let start = chunk.offsets.first, let end = chunk.offsets.last {
                plain.append(contentsOf: chunk.bytes[start..<end])
            }
            for group in chunk.groups {
                if groups.last?.createdAt == group.createdAt {
                    groups[groups.count - 1].count += group.count
                } else {
                    groups.append(group)
                }
            }
        }
        let events = plain
        let body = try Zstd.compress(
            ChunkBody.encode(lengths: lengths, groups: groups, size: events.count) { $0.append(contentsOf: events) },
            level: Zstd.mergeLevel)
        let digests = rows.flatMap(\.digests)
        guard let first = rows.first else { return }
        let flags = rows.reduce(ChunkDigests.merged) { $0 | $1.flags }
        let minTime = rows.reduce(Int64.max) { min($0, $1.minTime) }
        let maxTime = rows.reduce(Int64.min) { max($0, $1.maxTime) }
        let count = Int64(lengths.count)
        try await committer.write(cost: body.count) { connection in
            var removed = 0
            for row in rows {
                removed += try connection.run(
                    "DELETE FROM event_chunks WHERE id = $1 AND run_key = $2 AND count = $3",
                    [.int(row.id), .int(run), .int(Int64(row.count))])
            }
            // Somebody deleted or merged some of them: undo by throwing.
            guard removed == rows.count else { throw StoreError.damaged("a merge that came too late") }
            try connection.run(
                """
                INSERT INTO event_chunks (run_key, first_seq, count, min_time, max_time, flags, digests, body)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                """,
                [
                    .int(run), .int(first.first), .int(count), .int(minTime), .int(maxTime), .int(flags),
                    .blob(digests), .blob(body),
                ])
        }
    }
}
