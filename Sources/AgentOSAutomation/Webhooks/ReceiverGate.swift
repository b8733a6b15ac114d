import AgentOSCore
import DequeModule
import Synchronization

/// How many deliveries go to one receiver at a time: a slow one must not take the places of the others.
///
/// What finds no place waits a moment for one when its receiver is quick. Else it is told when to come back, one after
/// the other at the pace at which the receiver has answered so far. So a backlog is not tried again and again in vain,
/// and no time is lost when it ends.
final class ReceiverGate: Sendable {
    static let places = 24
    /// Of a receiver that takes longer than this many seconds for an answer, so that many slow ones leave room for others.
    static let slow = 2.0
    static let placesOfSlow = 8
    /// Of all receivers together, those that wait for a place included.
    static let allPlaces = 256
    /// Nobody waits for a place longer; a receiver where that happens is not waited for again for `distrust`.
    static let patience = 0.5
    static let distrust = 10.0
    /// Bytes of bodies that wait.
    static let waitingBytes = 32 << 20
    private static let shortestWait = 0.05
    private static let longestWait = 30.0
    /// Receivers that are remembered although nothing goes to them.
    private static let bound = 1000

    /// What becomes of a delivery.
    enum Admission: Equatable {
        case now
        /// In so many seconds.
        case later(Double)
    }

    private struct Receiver {
        var busy = 0
        /// Seconds that an answer takes, the latest ones weighing most.
        var latency = 0.05
        /// When the next one that found no place is to come back; monotonic seconds.
        var next = 0.0
        var waiting = Deque<Waiter>()
        /// Until when nobody waits here; monotonic seconds.
        var distrustedUntil = 0.0

        var places: Int { latency > ReceiverGate.slow ? ReceiverGate.placesOfSlow : ReceiverGate.places }

        mutating func comeBack(_ now: Double) -> Admission {
            next = min(
                max(next, now + ReceiverGate.shortestWait) + latency / Double(places), now + ReceiverGate.longestWait)
            return .later(next - now)
        }
    }

    private struct Waiter {
        let bytes: Int
        let since: Double
        let go: CheckedContinuation<Admission, Never>
    }

    private struct State {
        var receivers: [String: Receiver] = [:]
        var waitingBytes = 0
        /// Whether a task looks after those who wait.
        var isWatched = false
    }

    private let state = Mutex(State())

    private static func now() -> Double { Double(monotonicNanoseconds()) / 1e9 }

    /// Takes a place, which `leave` gives back, unless it is said to come later.
    /// - Parameter bytes: the size of what is to be sent.
    func enter(_ name: String, bytes: Int) async -> Admission {
        await withCheckedContinuation { continuation in
            let now = Self.now()
            let known = state.withLock { state -> Admission? in
                var receiver = state.receivers[name] ?? Receiver()
                defer { state.receivers[name] = receiver }
                guard receiver.busy >= receiver.places else {
                    receiver.busy += 1
                    return .now
                }
                let ahead = Double(receiver.waiting.count + 1) * receiver.latency / Double(receiver.places)
                guard ahead <= Self.patience, now >= receiver.distrustedUntil,
                    state.waitingBytes + bytes <= Self.waitingBytes
                else { return receiver.comeBack(now) }
                receiver.waiting.append(Waiter(bytes: bytes, since: now, go: continuation))
                state.waitingBytes += bytes
                return nil
            }
            if let known { continuation.resume(returning: known) } else { watch() }
        }
    }

    /// Gives a place back, to the next that waits.
    func leave(_ name: String, seconds: Double) {
        let next = state.withLock { state -> Waiter? in
            if state.receivers.count > Self.bound {
                state.receivers = state.receivers.filter { $0.value.busy > 0 || !$0.value.waiting.isEmpty }
            }
            guard var receiver = state.receivers[name] else { return nil }
            defer { state.receivers[name] = receiver }
            receiver.busy -= 1
            receiver.latency += (seconds - receiver.latency) * 0.1
            guard receiver.busy < receiver.places, let next = receiver.waiting.popFirst() else { return nil }
            receiver.busy += 1
            state.waitingBytes -= next.bytes
            return next
        }
        next?.go.resume(returning: .now)
    }

    /// Sends away those that have waited too long, for as long as anybody waits.
    private func watch() {
        let isWatched = state.withLock { state in
            defer { state.isWatched = true }
            return state.isWatched
        }
        guard !isWatched else { return }
        // Ends by itself with the last that waits, at the latest when all have waited too long.
        Task {
            repeat { try? await Task.sleep(for: .seconds(Self.patience / 4)) } while giveUp()
        }
    }

    /// - Returns: whether anybody still waits; nobody watches any more when not.
    private func giveUp() -> Bool {
        let now = Self.now()
        let (given, goesOn) = state.withLock { state in
            var given: [(CheckedContinuation<Admission, Never>, Admission)] = []
            state.isWatched = false
            for (name, known) in state.receivers {
                guard let first = known.waiting.first else { continue }
                guard now - first.since > Self.patience else {
                    state.isWatched = true
                    continue
                }
                var receiver = known
                receiver.distrustedUntil = now + Self.distrust
                for waiter in known.waiting {
                    state.waitingBytes -= waiter.bytes
                    given.append((waiter.go, receiver.comeBack(now)))
                }
                receiver.waiting = []
                state.receivers[name] = receiver
            }
            return (given, state.isWatched)
        }
        for (waiter, admission) in given { waiter.resume(returning: admission) }
        return goesOn
    }
}
