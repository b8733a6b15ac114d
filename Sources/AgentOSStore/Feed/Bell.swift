import AgentOSCore
import Synchronization

/// Lets tasks wait until something about a key changes. A waiting task costs no thread.
///
/// The order is: `listen`, look at the store, `wait`. A ring between listening and waiting is not lost.
public final class Bell<Key: Hashable & Sendable>: Sendable {
    /// One listener of one key.
    public final class Listener: Sendable {
        fileprivate enum State {
            case quiet
            case waiting(CheckedContinuation<Void, Never>)
            case rung
        }

        fileprivate let state = Mutex(State.quiet)
        fileprivate let key: Key

        fileprivate init(key: Key) { self.key = key }

        fileprivate func ring() {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                defer { state = .rung }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            continuation?.resume()
        }

        fileprivate func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let now = state.withLock { state -> Bool in
                        if case .rung = state { return true }
                        state = .waiting(continuation)
                        return false
                    }
                    if now { continuation.resume() }
                }
            } onCancel: {
                ring()
            }
        }
    }

    private let listeners = Mutex<[Key: [ObjectIdentifier: Listener]]>([:])
    private let silenced = Mutex(false)

    public init() {}

    public var isIdle: Bool { listeners.withLock { $0.isEmpty } }

    public var count: Int { listeners.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    /// What somebody listens for just now.
    public var keys: [Key] { listeners.withLock { Array($0.keys) } }

    public func listen(_ key: Key) -> Listener {
        let listener = Listener(key: key)
        listeners.withLock { $0[key, default: [:]][ObjectIdentifier(listener)] = listener }
        if silenced.withLock({ $0 }) { listener.ring() }
        return listener
    }

    /// Waits for a ring, at most so long. Ends the listening.
    public func wait(_ listener: Listener, seconds: Double) async {
        if seconds > 0 { await waitAtMost(seconds: seconds) { await listener.wait() } }
        stop(listener)
    }

    public func stop(_ listener: Listener) {
        listeners.withLock { all in
            all[listener.key]?[ObjectIdentifier(listener)] = nil
            if all[listener.key]?.isEmpty == true { all[listener.key] = nil }
        }
    }

    public func ring(_ key: Key) {
        let rung = listeners.withLock { $0[key]?.values.map { $0 } ?? [] }
        for listener in rung { listener.ring() }
    }

    /// Wakes everybody, and everybody who comes later: the server is stopping.
    public func ringForGood() {
        silenced.withLock { $0 = true }
        let rung = listeners.withLock { $0.values.flatMap { $0.values } }
        for listener in rung { listener.ring() }
    }

    public var isSilenced: Bool { silenced.withLock { $0 } }
}
