import AgentOSCore
import DequeModule
import Synchronization

/// Many small looks at the store in one: whoever comes while one is under way waits and shares the next.
///
/// A snapshot of its own costs more than what such a look reads. Only for looks that are short, since one waits for the
/// others; there is no bound of its own, since everyone who waits is one of a bounded number of jobs.
final class GroupRead: Sendable {
    private typealias Look = @Sendable (any SQLConnection) -> Void

    private static let longest = 64

    private struct State {
        var waiting = Deque<(look: Look, fail: @Sendable (any Error) -> Void)>()
        var isUnderWay = false
    }

    private let database: any Database
    private let state = Mutex(State())

    init(database: any Database) { self.database = database }

    /// Runs `body` on a snapshot that is not older than this call.
    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            let begins = state.withLock { state in
                state.waiting.append(
                    (
                        { connection in continuation.resume(with: Result { try body(connection) }) },
                        { error in continuation.resume(throwing: error) }
                    ))
                defer { state.isUnderWay = true }
                return !state.isUnderWay
            }
            if begins { Task { await self.work() } }
        }
    }

    private func work() async {
        while true {
            let group = state.withLock { state in
                let group = state.waiting.prefix(Self.longest).map { $0 }
                state.waiting.removeFirst(group.count)
                state.isUnderWay = !group.isEmpty
                return group
            }
            if group.isEmpty { return }
            do {
                try await database.read { connection in
                    for (look, _) in group { look(connection) }
                }
            } catch {
                // The snapshot could not be taken; no look was made.
                for (_, fail) in group { fail(error) }
            }
        }
    }
}
