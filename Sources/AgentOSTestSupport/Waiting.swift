import AgentOSCore
import Synchronization

/// Something that was waited for did not come.
public struct NeverHappened: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Waits until a condition holds. The deadline is generous: it is there to end a broken test, not to measure one.
/// - Throws: `NeverHappened`, or what the condition throws.
public func eventually(
    _ what: String, within seconds: Double = 30, _ condition: () async throws -> Bool
) async throws {
    let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
    while try await !condition() {
        guard monotonicNanoseconds() < end else { throw NeverHappened(description: "it never happened: \(what)") }
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// A clock that stands still until it is turned.
public final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    /// Begins at 2026-05-11T20:00:00Z unless told otherwise.
    public init(_ start: Timestamp = Timestamp(microseconds: 1_778_529_600_000_000)) { time = Mutex(start) }

    public var now: Timestamp { time.withLock { $0 } }

    public func advance(bySeconds seconds: Double) { time.withLock { $0 = $0.advanced(bySeconds: seconds) } }

    public var wall: WallClock { WallClock { [self] in now } }
}

/// Random numbers that are the same for the same seed (SplitMix64), so that a failure can be repeated.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed &* 0x2545_f491_4f6c_dd1d &+ 1 }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A value that several tasks add to.
public final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    public init() {}

    public var all: [Element] { elements.withLock { $0 } }
    public func add(_ element: Element) { elements.withLock { $0.append(element) } }
}

/// The `AgentOSError` that a call ends with; nil when it succeeds.
/// - Throws: any other error.
public func refusal<T>(
    isolation: isolated (any Actor)? = #isolation, of body: () async throws -> T
) async throws -> AgentOSError? {
    do {
        _ = try await body()
        return nil
    } catch let error as AgentOSError {
        return error
    }
}
