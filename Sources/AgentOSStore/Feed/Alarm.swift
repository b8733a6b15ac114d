import Synchronization

/// Tells everybody who listens that something happened, without saying what. Costs a listener nothing until then.
public final class Alarm: Sendable {
    /// One listener; it hears until it is stopped.
    public final class Listener: Sendable {
        fileprivate let act: @Sendable () -> Void

        fileprivate init(_ act: @escaping @Sendable () -> Void) { self.act = act }
    }

    private let listeners = Mutex<[ObjectIdentifier: Listener]>([:])

    public init() {}

    public var count: Int { listeners.withLock { $0.count } }

    /// - Parameter act: called at each alarm, by whoever sounds it: it returns at once.
    public func listen(_ act: @escaping @Sendable () -> Void) -> Listener {
        let listener = Listener(act)
        listeners.withLock { $0[ObjectIdentifier(listener)] = listener }
        return listener
    }

    public func stop(_ listener: Listener) {
        listeners.withLock { $0[ObjectIdentifier(listener)] = nil }
    }

    public func sound() {
        for listener in listeners.withLock({ Array($0.values) }) { listener.act() }
    }
}
