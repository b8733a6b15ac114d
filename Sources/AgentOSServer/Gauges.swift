import AgentOSCore
import AgentOSHTTP
import AgentOSRuntime
import AgentOSStore

/// Numbers of the parts behind the edge, for `/metrics`.
enum Gauges {
    static func all(_ store: Stores, _ runtime: Runtime, _ feed: LiveFeed, _ disk: DiskWatch) async -> [Metrics.Gauge] {
        let statistics = store.committer.statistics
        let waiting = store.committer.waiting
        let open = (try? await store.runs.openCount()) ?? 0
        let jobs = (try? await store.queue.counts()) ?? (waiting: 0, parked: 0)
        let kinds = (try? await store.queue.countsByKind()) ?? []
        return [
            .init("agentos_commits_total", "Transactions committed.", type: "counter", Double(statistics.groups)),
            .init(
                "agentos_commit_pieces_total", "Writes that went into transactions.", type: "counter",
                Double(statistics.pieces)),
            .init(
                "agentos_commit_group_size", "Writes in a transaction.", bounds: [1, 3, 7, 15, 31, 63],
                counts: statistics.sizes, sum: Double(statistics.pieces)),
            .init(
                "agentos_commit_failures_total", "Transactions that were lost.", type: "counter",
                Double(statistics.failedGroups)),
            .init(
                "agentos_commit_seconds_total", "Time spent in transactions.", type: "counter",
                Double(statistics.commitNanoseconds) / 1e9),
            .init("agentos_commit_queue_depth", "Writes that wait for a transaction.", Double(waiting.pieces)),
            .init("agentos_commit_queue_bytes", "Bytes that wait for a transaction.", Double(waiting.bytes)),
            .init(
                "agentos_runs", "Runs by state.",
                [("state=\"open\"", Double(open)), ("state=\"executing\"", Double(runtime.activeCount))]),
            .init(
                "agentos_jobs", "Things to be done later; parked ones were given up after many tries.",
                [("state=\"waiting\"", Double(jobs.waiting)), ("state=\"parked\"", Double(jobs.parked))]),
            .init(
                "agentos_jobs_by_kind", "The same by kind.",
                kinds.map { ("kind=\"\($0.kind)\",state=\"\($0.state)\"", Double($0.count)) }),
            .init("agentos_feed_subscribers", "Watchers of the live feed.", Double(feed.count)),
            .init("agentos_human_input_waiting", "Human-input polls that wait.", Double(store.humanInput.bell.count)),
            .init("agentos_disk_free_bytes", "Free space at the data folder.", Double(disk.freeBytes)),
        ]
    }
}
