import NIOCore
import Synchronization

/// Gathers what is to be written to many connections into rounds, one at a time for each thread of the network.
///
/// A round begins at once while rounds are short. When thousands of streams move at the same time, a round takes
/// longer, and the next one waits for a multiple of that: several pieces of a stream then go out in one write, so that
/// writing never takes more than a part of the thread's time, and no piece waits longer than `longestWait` for that.
final class WriteRounds: Sendable {
    private let loops = Mutex<[ObjectIdentifier: WriteRound]>([:])

    /// The rounds of a thread.
    func of(_ loop: any EventLoop) -> WriteRound {
        loops.withLock { loops in
            let key = ObjectIdentifier(loop)
            if let known = loops[key] { return known }
            let new = WriteRound(loop)
            loops[key] = new
            return new
        }
    }
}

/// What takes part in a round.
protocol WriteRoundMember: AnyObject, Sendable {
    /// The moment to write; on the member's own thread.
    func write()
}

final class WriteRound: Sendable {
    /// A round takes at most this part of the time.
    static let share: Int64 = 4
    static let longestWait = TimeAmount.milliseconds(10)

    private struct State {
        var members: [any WriteRoundMember] = []
        var isDue = false
        var notBefore = NIODeadline.uptimeNanoseconds(0)
    }

    private let loop: any EventLoop
    private let state = Mutex(State())

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Lets the member write in the next round. From any thread.
    func add(_ member: any WriteRoundMember) {
        let begin = state.withLock { state -> NIODeadline? in
            state.members.append(member)
            guard !state.isDue else { return nil }
            state.isDue = true
            return state.notBefore
        }
        guard let begin else { return }
        // Asking for the time costs more than the comparison is worth while no round was ever long.
        if begin.uptimeNanoseconds == 0 || begin <= .now() {
            loop.execute { self.run() }
        } else {
            loop.scheduleTask(deadline: begin) { self.run() }
        }
    }

    private func run() {
        let members = state.withLock { state in
            defer {
                state.members = []
                state.isDue = false
            }
            return state.members
        }
        let begin = NIODeadline.now()
        for member in members { member.write() }
        let end = NIODeadline.now()
        let wait = min(Self.longestWait, (end - begin) * Int(Self.share - 1))
        state.withLock { $0.notBefore = end + wait }
    }
}
