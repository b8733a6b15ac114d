import AgentOSCore
import DequeModule
import Synchronization

/// Many writers, one transaction: takes everything that waits, runs each piece in a savepoint, commits once with the
/// disk flushed, and only then lets the callers go on.
///
/// A piece that throws is undone alone. An error that ends the whole transaction fails the whole group: nothing of it is
/// stored. The queue is bounded by bytes and count at the edge (`admit`); work that already began waits.
public final class GroupCommit: Sendable {
    /// What the committer did so far, for metrics.
    public struct Statistics: Sendable {
        public var groups: UInt64 = 0
        public var pieces: UInt64 = 0
        public var failedGroups: UInt64 = 0
        public var commitNanoseconds: UInt64 = 0
        public var largestGroup = 0
        /// Pieces per group: counts for 1, 2…3, 4…7, 8…15, 16…31, 32…63, 64 and more.
        public var sizes = [UInt64](repeating: 0, count: 7)
    }

    public struct Limits: Sendable {
        /// Bytes and pieces that may wait before new requests are refused.
        public var waitingBytes = 64 << 20
        public var waitingPieces = 20_000
        /// Bytes and pieces in one transaction.
        public var groupBytes = 8 << 20
        public var groupPieces = 512

        public init() {}
    }

    private struct Piece: Sendable {
        let cost: Int
        let run: @Sendable (any SQLConnection) throws -> Void
        /// Called once: nil after the commit, else why nothing was stored.
        let settle: @Sendable ((any Error)?) -> Void
        let aborted: (@Sendable () -> Void)?
    }

    /// A function lent out by a mutex that holds nothing else is wrapped once more each time; a member of a struct is not.
    private struct NewJobs {
        var ring: @Sendable () -> Void
    }

    private struct State {
        var waiting = Deque<Piece>()
        var bytes = 0
        var draining = false
        var pace = WritePace()
        var statistics = Statistics()
        var failure: String?
    }

    private let database: any Database
    private let limits: Limits
    private let state = Mutex(State())
    private let newJobs = Mutex(NewJobs(ring: {}))

    public init(database: any Database, limits: Limits = Limits()) {
        self.database = database
        self.limits = limits
    }

    /// Called after each transaction that enqueued jobs.
    func onNewJobs(_ handler: @escaping @Sendable () -> Void) { newJobs.withLock { $0.ring = handler } }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// Why the disk or the file on it failed the newest group, or a piece of it; nil when all of it went well.
    public var lastFailure: String? { state.withLock { $0.failure } }

    /// Whether so much is being written just now that what can wait should.
    public var isBusy: Bool { state.withLock { $0.pace.bytesPerSecond(at: monotonicNanoseconds()) > WritePace.busy } }

    public var waiting: (pieces: Int, bytes: Int) { state.withLock { ($0.waiting.count, $0.bytes) } }

    /// Asked before a new request does any work.
    /// - Throws: RATE_LIMITED when too much waits already.
    public func admit() throws {
        let full = state.withLock {
            $0.bytes > limits.waitingBytes || $0.waiting.count > limits.waitingPieces
        }
        if full {
            throw AgentOSError(.rateLimited, "The server has more to write than it can; try again.", retryAfter: 1)
        }
    }

    /// Runs `body` in the next transaction; returns when it is on the disk.
    ///
    /// Cancelling the calling task changes nothing: what was handed over is done.
    /// - Parameters:
    ///   - cost: about how many bytes it writes.
    ///   - audit: the row whose change is recorded when an operation of the control plane is under way.
    ///   - aborted: called on the writer when what `body` did was undone: it threw, or the whole transaction was lost.
    /// - Throws: what `body` throws; `AgentOSError` 503 when the transaction could not be committed.
    @discardableResult
    public func write<T: Sendable>(
        cost: Int = 512, audit target: AuditTarget? = nil, aborted: (@Sendable () -> Void)? = nil,
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        let trail = AuditTrail.current
        return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            let result = ResultBox<T>()
            enqueue(
                Piece(
                    cost: cost,
                    run: { connection in
                        result.value = try trail.map { try $0.around(target, connection, body) } ?? body(connection)
                    },
                    settle: { failure in
                        if let failure {
                            continuation.resume(throwing: failure)
                        } else if let value = result.value {
                            continuation.resume(returning: value)
                        } else {
                            continuation.resume(throwing: StoreError.damaged("a result"))
                        }
                    }, aborted: aborted))
        }
    }

    // @unchecked: written on the writer before settle is called, read in settle, on the same thread.
    private final class ResultBox<T>: @unchecked Sendable {
        var value: T?
    }

    private func enqueue(_ piece: Piece) {
        let start = state.withLock { state in
            state.waiting.append(piece)
            state.bytes += piece.cost
            guard !state.draining else { return false }
            state.draining = true
            return true
        }
        if start { database.withWriter { [self] writer in drain(writer) } }
    }

    private func takeGroup() -> [Piece] {
        state.withLock { state in
            var group: [Piece] = []
            var bytes = 0
            while group.count < limits.groupPieces, bytes < limits.groupBytes, let piece = state.waiting.popFirst() {
                group.append(piece)
                bytes += piece.cost
            }
            state.bytes -= bytes
            state.pace.add(bytes, at: monotonicNanoseconds())
            if group.isEmpty { state.draining = false }
            return group
        }
    }

    private func drain(_ writer: any SQLWriter) {
        while true {
            let group = takeGroup()
            if group.isEmpty {
                writer.maintain(idle: true)
                // Something may have come in while the log was moved; then its sender started a new drain.
                return
            }
            commit(group, writer)
            writer.maintain(idle: false)
        }
    }

    private func commit(_ group: [Piece], _ writer: any SQLWriter) {
        let began = monotonicNanoseconds()
        var errors = [(any Error)?](repeating: nil, count: group.count)
        var ran = 0
        do {
            try writer.begin()
            for (index, piece) in group.enumerated() {
                ran = index + 1
                do {
                    try writer.savepoint { try piece.run(writer) }
                } catch {
                    guard writer.isInsideTransaction else { throw error }
                    errors[index] = error
                    piece.aborted?()
                }
            }
            try writer.commit()
        } catch {
            if writer.isInsideTransaction { writer.rollback() }
            for piece in group.prefix(ran) { piece.aborted?() }
            let reason = (error as? StoreError)?.reason ?? "unexpected error"
            let failure = AgentOSError(
                .unavailable, "The store could not write (\(reason)); nothing was stored.", retryAfter: 5)
            record(group.count, since: began, isLost: true, failure: reason)
            for piece in group { piece.settle(failure) }
            return
        }
        record(group.count, since: began, isLost: false, failure: Self.storageFailure(errors))
        for (index, piece) in group.enumerated() { piece.settle(errors[index]) }
        if writer.hasNewJobs {
            writer.hasNewJobs = false
            newJobs.withLock { $0.ring }()
        }
    }

    private static func storageFailure(_ errors: [(any Error)?]) -> String? {
        for error in errors {
            if case .storage(let reason)? = error as? StoreError { return reason }
        }
        return nil
    }

    private func record(_ pieces: Int, since began: UInt64, isLost: Bool, failure: String?) {
        let elapsed = monotonicNanoseconds() &- began
        state.withLock { state in
            state.statistics.groups += 1
            state.statistics.pieces += UInt64(pieces)
            state.statistics.commitNanoseconds += elapsed
            state.failure = failure
            if isLost { state.statistics.failedGroups += 1 }
            state.statistics.largestGroup = max(state.statistics.largestGroup, pieces)
            let slot = min(6, Int.bitWidth - 1 - max(1, pieces).leadingZeroBitCount)
            state.statistics.sizes[slot] += 1
        }
    }
}
