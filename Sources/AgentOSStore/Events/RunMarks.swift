import AgentOSCore

/// What the writer remembers of runs that are being reported to, so that most batches need no look into the log.
///
/// Used on the writer only. A mark is changed after its statements succeeded and dropped when their transaction is lost.
/// @unchecked Sendable: confined to the writer's thread by `GroupCommit`.
final class RunMarks: @unchecked Sendable {
    /// A class, so that changing one of its sets never copies it.
    final class Mark {
        var lastSequence: Int64
        /// Newest time of any stored event.
        var newest: Int64
        /// Digests of the last chunks, oldest first, with their newest times.
        var recent: [(digests: [UInt64], newest: Int64)] = []
        /// Newest time among chunks that are no longer in `recent`.
        var floor: Int64
        /// Digests of every span of the run; nil when they have not been loaded.
        var spans: Set<UInt64>?
        fileprivate var used: UInt64 = 0

        init(lastSequence: Int64, newest: Int64, spans: Set<UInt64>?) {
            self.lastSequence = lastSequence
            self.newest = newest
            floor = newest
            self.spans = spans
        }
    }

    private static let runBound = 4096
    private static let recentBound = 40
    private static let spanBound = 1_000_000

    private var marks: [Int64: Mark] = [:]
    private var clock: UInt64 = 0
    private var spanCount = 0

    subscript(run: Int64) -> Mark? { marks[run] }

    /// Takes up a run that was not remembered.
    func set(_ mark: Mark, for run: Int64) {
        clock += 1
        mark.used = clock
        marks[run] = mark
        spanCount += mark.spans?.count ?? 0
        if marks.count > Self.runBound { forgetOldest() }
    }

    func loadSpans(_ digests: Set<UInt64>, of mark: Mark) {
        mark.spans = digests
        spanCount += digests.count
    }

    func drop(_ run: Int64) {
        guard let old = marks.removeValue(forKey: run) else { return }
        spanCount -= old.spans?.count ?? 0
    }

    /// Takes in a chunk that was stored as the run's newest.
    func add(_ chunk: PreparedChunk, last: Int64, to mark: Mark) {
        clock += 1
        mark.lastSequence = last
        mark.newest = max(mark.newest, chunk.maxTime)
        mark.used = clock
        mark.recent.append((chunk.digests, chunk.maxTime))
        if mark.recent.count > Self.recentBound {
            mark.floor = max(mark.floor, mark.recent.removeFirst().newest)
        }
        if chunk.hasSpans, let before = mark.spans?.count {
            for position in chunk.items.indices where chunk.isSpan(position) {
                mark.spans?.insert(chunk.digests[position])
            }
            spanCount += (mark.spans?.count ?? 0) - before
        }
        if spanCount > Self.spanBound { forgetSpans() }
    }

    private func forgetOldest() {
        let uses = marks.values.map(\.used).sorted()
        let bound = uses[uses.count / 4]
        for (run, mark) in marks where mark.used <= bound { drop(run) }
    }

    private func forgetSpans() {
        for mark in marks.values { mark.spans = nil }
        spanCount = 0
    }
}
