import AgentOSCore

/// Looks for the stored twins of a chunk's events in the run's log. Slow and exact: called when the quick test says that
/// there may be some. Digests lead to candidates, bytes decide.
struct RepeatFinder {
    let connection: any SQLConnection
    let run: Int64

    private struct Row {
        let id: Int64
        let first: Int64
        let digests: [UInt64]
    }

    /// For each event of the chunk the sequence number of its stored twin, or nil.
    func twins(of chunk: PreparedChunk, createdAt: Int64) throws -> [Int64?] {
        var wantedPoints: [UInt64: [Int]] = [:]
        var wantedSpans: [UInt64: [Int]] = [:]
        var maxPointTime = Int64.min
        for position in chunk.items.indices where chunk.digests[position] != 0 {
            if chunk.isSpan(position) {
                wantedSpans[chunk.digests[position], default: []].append(position)
            } else {
                wantedPoints[chunk.digests[position], default: []].append(position)
                maxPointTime = max(maxPointTime, chunk.time(position, createdAt: createdAt))
            }
        }
        var twins = [Int64?](repeating: nil, count: chunk.items.count)
        // Equal events of one request are told apart by their ordinal: the n stored ones answer to the first n sent.
        var taken = chunk.claimed
        try eachCandidate(
            points: wantedPoints.isEmpty ? nil : chunk.minPointTime...max(chunk.minPointTime, maxPointTime),
            spans: !wantedSpans.isEmpty
        ) { row in
            var decoded: ChunkBody.Decoded?
            for (index, digest) in row.digests.enumerated() {
                let positions = (wantedPoints[digest] ?? []) + (wantedSpans[digest] ?? [])
                guard !positions.isEmpty else { continue }
                let body = try decoded ?? load(row.id)
                decoded = body
                let number = row.first + Int64(index)
                for position in positions where twins[position] == nil && !taken.contains(number) {
                    let isSpan = chunk.isSpan(position)
                    let same =
                        isSpan
                        ? SpanIdentity.of(chunk.raw(position)) == SpanIdentity.of(body.raw(index))
                        : chunk.raw(position).elementsEqual(body.raw(index))
                    guard same else { continue }
                    twins[position] = number
                    if !isSpan { taken.insert(number) }
                }
            }
        }
        try matchSpansWithin(chunk, wantedSpans, &twins)
        return twins
    }

    /// A span id given twice in one request: the first wins.
    private func matchSpansWithin(
        _ chunk: PreparedChunk, _ wanted: [UInt64: [Int]], _ twins: inout [Int64?]
    ) throws {
        for positions in wanted.values where positions.count > 1 {
            for (order, position) in positions.enumerated().dropFirst() where twins[position] == nil {
                let identity = SpanIdentity.of(chunk.raw(position))
                let earlier = positions[..<order].first { SpanIdentity.of(chunk.raw($0)) == identity }
                if let earlier { twins[position] = twins[earlier] ?? 0 }
            }
        }
    }

    /// Digests of every span of the run; those of point events among them do no harm.
    func spanDigests() throws -> Set<UInt64> {
        var out = Set<UInt64>()
        try eachCandidate(points: nil, spans: true) { row in out.formUnion(row.digests) }
        out.remove(0)
        return out
    }

    private func eachCandidate(points: ClosedRange<Int64>?, spans: Bool, _ body: (Row) throws -> Void) throws {
        let rows = try connection.rows(
            """
            SELECT id, first_seq, digests FROM event_chunks
            WHERE run_key = $1 AND ((max_time >= $2 AND min_time <= $3) OR (flags & 1) = $4)
            ORDER BY first_seq
            """,
            [
                .int(run), .int(points?.lowerBound ?? Int64.max), .int(points?.upperBound ?? Int64.min),
                .int(spans ? 1 : 2),
            ]
        ) { row in
            Row(
                id: try row.requiredInt(0), first: try row.requiredInt(1),
                digests: ChunkDigests.decode(row.bytes(2) ?? []))
        }
        for row in rows { try body(row) }
    }

    private func load(_ id: Int64) throws -> ChunkBody.Decoded {
        let body = try connection.row("SELECT body FROM event_chunks WHERE id = $1", [.int(id)]) { $0.bytes(0) }
        guard let bytes = body ?? nil else { throw StoreError.damaged("an event chunk") }
        return try ChunkBody.decode(bytes)
    }
}

/// The `span_id` of a raw event.
enum SpanIdentity {
    static func of(_ raw: ArraySlice<UInt8>) -> String? {
        raw.withUnsafeBufferPointer { try? JSONParser.parse($0, depth: JSONParser.documentDepth) }?["span_id"]?
            .stringValue
    }
}
