import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import Logging
import ServiceLifecycle

/// What has to be done every now and then while the server runs.
struct Upkeep: Service {
    let store: Stores
    let runtime: Runtime
    let disk: DiskWatch
    let merger: ChunkMerger
    let purge: Purge
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                every(1, in: &group, "time limit") {
                    runtime.enforceTimeLimit()
                    disk.refresh()
                }
                every(NodeStore.renewSeconds, in: &group, "lease") { try await runtime.renewLease() }
                every(60, in: &group, "last use of keys") { try await store.keys.flushLastUsed() }
                every(2, in: &group, "merging") { while try await merger.mergeDue(limit: 4) > 0 { await Task.yield() } }
                every(2, in: &group, "purging") { while try await purge.step() { await Task.yield() } }
                every(0.25, in: &group, "search index") {
                    // A large backlog, as after an import, is worked off in a few minutes; ingest goes in between.
                    while try await store.searchIndexer.step() { try await Task.sleep(for: .milliseconds(10)) }
                }
                every(60, in: &group, "notifications") {
                    while try await store.deliveries.trim() { await Task.yield() }
                    while try await store.notifications.trim() { await Task.yield() }
                }
                every(20, in: &group, "vacuum") { _ = try await store.database.vacuum(pages: 2000) }
            }
        }
    }

    /// Repeats a piece of work until the server stops; an error is logged and the next round tries again.
    private func every(
        _ seconds: Double, in group: inout TaskGroup<Void>, _ name: String,
        _ work: @escaping @Sendable () async throws -> Void
    ) {
        group.addTask {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(seconds))
                    try await work()
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("upkeep failed", metadata: ["work": .string(name), "error": .string("\(error)")])
                }
            }
        }
    }
}

/// Stops first: no more runs, waiting polls and streams are answered, going runs get a little time.
struct Drain: Service {
    /// Seconds that going runs have to end by themselves.
    static let graceSeconds = 4.0

    let store: Stores
    let runtime: Runtime
    let feed: LiveFeed
    let logger: Logger

    func run() async throws {
        // Cancelled instead, it never served: then the reason alone is told.
        if (try? await gracefulShutdown()) != nil {
            logger.info("stopping", metadata: ["runs": .stringConvertible(runtime.activeCount)])
        }
        store.humanInput.bell.ringForGood()
        feed.close()
        await runtime.drain(graceSeconds: Self.graceSeconds)
    }
}

/// Stops last: everything is written, the log is moved into the database file, the file is closed.
struct StoreKeeper: Service {
    let store: Stores
    let runtime: Runtime
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        await attempt("last use of keys") { try await store.keys.flushLastUsed() }
        await attempt("lease") { try await runtime.retire() }
        await attempt("closing the database") { try store.database.close() }
    }

    /// What fails, as on a full disk, must not keep the rest from being done: nothing that was acknowledged is in it.
    private func attempt(_ name: String, _ work: () async throws -> Void) async {
        do {
            try await work()
        } catch {
            logger.warning("stopping", metadata: ["work": .string(name), "error": .string("\(error)")])
        }
    }
}

/// Works on jobs until the server stops.
struct JobWorker: Service {
    let dispatcher: JobDispatcher

    func run() async throws {
        await cancelWhenGracefulShutdown { await dispatcher.run() }
    }
}
