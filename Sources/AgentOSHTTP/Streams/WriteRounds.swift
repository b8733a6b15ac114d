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

    /// Lets the member write: at once when its own thread asks and no round is due, since what it needs is at hand then;
    /// else in the next round. From any thread.
    func add(_ member: any WriteRoundMember) {
        enum Moment { case now, soon, at(NIODeadline), inDueRound }
        let isHere = loop.inEventLoop
        let moment = state.withLock { state -> Moment in
            // While no round was ever long there is no need to ask for the time.
            let isFree = state.notBefore.uptimeNanoseconds == 0 || state.notBefore <= .now()
            if isHere, isFree, !state.isDue { return .now }
            state.members.append(member)
            guard !state.isDue else { return .inDueRound }
            state.isDue = true
            return isFree ? .soon : .at(state.notBefore)
        }
        switch moment {
        case .now: member.write()
        case .soon: loop.execute { self.run() }
        case .at(let deadline): loop.scheduleTask(deadline: deadline) { self.run() }
        case .inDueRound: break
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
