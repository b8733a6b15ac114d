import AgentOSCore

/// A batch made ready outside the writer: compressed, hashed, summed. The writer only numbers and stores it.
struct PreparedChunk: Sendable {
    let batch: EventBatch
    /// Indices into the batch's items, in order.
    let items: [Int]
    let body: [UInt8]
    let digests: [UInt64]
    let minTime: Int64
    let maxTime: Int64
    /// Earliest time among point events that can be repeats.
    let minPointTime: Int64
    let hasSpans: Bool
    let errorCount: Int
    let sums: TokenSums
    /// The first model that the events name.
    let model: String?
    /// Sequence numbers of stored events that already answered to other events of the same request.
    let claimed: Set<Int64>

    /// - Parameters:
    ///   - kept: which items to take; nil takes all.
    ///   - claimed: stored twins of the items that were left out.
    init(_ batch: EventBatch, kept: [Int]? = nil, claimed: Set<Int64> = [], createdAt: Timestamp) throws {
        let items = kept ?? Array(batch.items.indices)
        var lengths: [Int] = []
        lengths.reserveCapacity(items.count)
        var digests: [UInt64] = []
        digests.reserveCapacity(items.count)
        var (minTime, maxTime, minPointTime) = (Int64.max, Int64.min, Int64.max)
        var hasSpans = false
        var errorCount = 0
        var size = 0
        for index in items {
            let item = batch.items[index]
            lengths.append(Int(item.length))
            digests.append(item.digest)
            size += Int(item.length)
            let time = item.occurredAt ?? createdAt.microseconds
            minTime = min(minTime, time)
            maxTime = max(maxTime, time)
            if item.isSpan { hasSpans = true } else if item.digest != 0 { minPointTime = min(minPointTime, time) }
            if item.isError { errorCount += 1 }
        }
        var sums = TokenSums()
        var tokenModel: String?
        let taken = kept.map(Set.init)
        for tokens in batch.tokens where taken?.contains(tokens.item) ?? true {
            tokenModel = tokenModel ?? tokens.model
            if tokens.isSpan {
                sums.spans = sums.spans + tokens.usage
                sums.spanCount += 1
                if let cost = tokens.cost {
                    sums.spanCost = sums.spanCost + cost
                    sums.spanPriced += 1
                }
            } else {
                sums.responses = sums.responses + tokens.usage
                sums.responseCount += 1
                if let cost = tokens.cost {
                    sums.responseCost = sums.responseCost + cost
                    sums.responsePriced += 1
                }
            }
        }
        let plain = ChunkBody.encode(
            lengths: lengths, groups: [.init(count: items.count, createdAt: createdAt.microseconds)], size: size
        ) { out in
            batch.bytes.withUnsafeBufferPointer { bytes in
                for index in items {
                    let start = Int(batch.items[index].offset)
                    out.append(contentsOf: bytes[start..<start + Int(batch.items[index].length)])
                }
            }
        }
        self.batch = batch
        self.items = items
        self.body = try Zstd.compress(plain, level: Zstd.ingestLevel)
        self.digests = digests
        self.minTime = minTime
        self.maxTime = maxTime
        self.minPointTime = minPointTime
        self.hasSpans = hasSpans
        self.errorCount = errorCount
        self.sums = sums
        model = tokenModel ?? batch.model
        self.claimed = claimed
    }

    /// Whether it changes what the run is known to have used.
    var tellsOfCalls: Bool { model != nil || sums.spanCount > 0 || sums.responseCount > 0 }

    func raw(_ position: Int) -> ArraySlice<UInt8> {
        let item = batch.items[items[position]]
        return batch.bytes[Int(item.offset)..<Int(item.offset) + Int(item.length)]
    }

    func time(_ position: Int, createdAt: Int64) -> Int64 { batch.items[items[position]].occurredAt ?? createdAt }

    func isSpan(_ position: Int) -> Bool { batch.items[items[position]].isSpan }
}
