import AgentOSCore
import Synchronization

/// Whether the key that opened a stream may still read it.
///
/// Asking costs nothing while nobody lost a right; afterwards, and before the first look, the store is asked.
final class StreamRight: Sendable {
    private struct State {
        /// Raised by every doubt.
        var doubts = 1
        /// The doubt up to which the right was found to be there.
        var settled = 0
        var refusal: AgentOSError?
    }

    private let judge: @Sendable () async throws -> Void
    private let state = Mutex(State())

    /// - Parameter judge: throws an `AgentOSError` when the right is gone.
    init(_ judge: @escaping @Sendable () async throws -> Void) { self.judge = judge }

    /// Somebody lost a right.
    func doubt() { state.withLock { $0.doubts += 1 } }

    /// - Parameter always: whether the store is asked without a doubt, too.
    /// - Throws: what `judge` throws, from then on always; INTERNAL_ERROR when the store cannot be asked.
    func check(always: Bool = false) async throws {
        let (doubts, isSettled, refusal) = state.withLock { ($0.doubts, $0.settled == $0.doubts, $0.refusal) }
        if let refusal { throw refusal }
        guard always || !isSettled else { return }
        do {
            try await judge()
        } catch let error as AgentOSError {
            state.withLock { $0.refusal = error }
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw AgentOSError(.internal, "The right to read the stream cannot be looked up.")
        }
        state.withLock { $0.settled = max($0.settled, doubts) }
    }
}
