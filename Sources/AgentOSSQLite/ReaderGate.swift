import Dispatch
import Synchronization

/// Counts who reads, so that no connection is closed under a reader.
// @unchecked: a group of Dispatch's may be used from everywhere.
final class ReaderGate: @unchecked Sendable {
    private let isClosed = Mutex(false)
    private let readers = DispatchGroup()

    /// - Returns: false once it is closed; else whoever entered has to leave.
    func enter() -> Bool {
        isClosed.withLock { closed in
            if !closed { readers.enter() }
            return !closed
        }
    }

    func leave() { readers.leave() }

    /// Lets nobody in any more and blocks until all have left.
    /// - Returns: false when it was closed before.
    func close() -> Bool {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        if isFirst { readers.wait() }
        return isFirst
    }
}
