import AgentOSCore
import Synchronization

/// How many deliveries go to one receiver at a time: a slow one must not take the places of the others.
///
/// What finds no place is told when to come back, one after the other at the pace at which the receiver has answered so
/// far. So a backlog is not tried again and again in vain, and no time is lost when it ends.
final class ReceiverGate: Sendable {
    static let places = 24
    /// Of a receiver that takes longer than this many seconds for an answer, so that many slow ones leave room for others.
    static let slow = 2.0
    static let placesOfSlow = 8
    /// Of all receivers together.
    static let allPlaces = 256
    private static let shortestWait = 0.05
    private static let longestWait = 30.0
    /// Receivers that are remembered although nothing goes to them.
    private static let bound = 1000

    private struct Receiver {
        var busy = 0
        /// Seconds that an answer takes, the latest ones weighing most.
        var latency = 0.05
        /// When the next one that found no place is to come back; monotonic seconds.
        var next = 0.0
    }

    private let receivers = Mutex<[String: Receiver]>([:])

    /// Takes a place.
    /// - Returns: nil when there was one, else in how many seconds to come back.
    func enter(_ name: String) -> Double? {
        let now = Double(monotonicNanoseconds()) / 1e9
        return receivers.withLock { receivers in
            var receiver = receivers[name] ?? Receiver()
            defer { receivers[name] = receiver }
            let places = receiver.latency > Self.slow ? Self.placesOfSlow : Self.places
            guard receiver.busy >= places else {
                receiver.busy += 1
                return nil
            }
            let pace = receiver.latency / Double(places)
            receiver.next = min(max(receiver.next, now + Self.shortestWait) + pace, now + Self.longestWait)
            return receiver.next - now
        }
    }

    /// Gives a place back.
    func leave(_ name: String, seconds: Double) {
        receivers.withLock { receivers in
            if receivers.count > Self.bound { receivers = receivers.filter { $0.value.busy > 0 } }
            guard var receiver = receivers[name] else { return }
            receiver.busy -= 1
            receiver.latency += (seconds - receiver.latency) * 0.1
            receivers[name] = receiver
        }
    }
}
