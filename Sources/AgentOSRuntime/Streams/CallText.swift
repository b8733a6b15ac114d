import AgentOSWire
import Synchronization

/// The text of one model call: passed on to the run's watchers as it comes, and kept for the record.
final class CallText: Sendable {
    private struct State {
        var pieces: [String] = []
        var isOver = false
    }

    private let run: LiveRun
    /// The journal entry that announced the call.
    private let entry: Int
    private let state = Mutex(State())

    init(of run: LiveRun, entry: Int) {
        self.run = run
        self.entry = entry
    }

    /// Takes pieces that came together.
    func add(_ texts: [String]) {
        let texts = texts.filter { !$0.isEmpty }
        // Passed on under the lock, so that the record holds what the watchers were told, no more and no less.
        state.withLock { state in
            guard !state.isOver else { return }
            let first = FrameID.firstChunk + state.pieces.count
            state.pieces += texts
            run.offer(
                texts.enumerated().map { offset, text in
                    RunFrame(id: FrameID(entry: entry, number: first + offset), frame: .chunk(text))
                })
        }
    }

    /// The pieces that have come. What comes later is neither passed on nor kept.
    func finish() -> [String] {
        state.withLock { state in
            state.isOver = true
            return state.pieces
        }
    }
}
