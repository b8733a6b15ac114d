import AgentOSCore
import AgentOSStore
import AgentOSWire

/// A frame of a run's stream and its place. A frame without a place is not on record: it tells this watcher only.
public struct RunFrame: Sendable {
    public let id: FrameID?
    public let frame: InvokeFrame
}

/// A run's frames out of its journal: the same, with the same ids, as they were passed on while it ran.
enum FrameLog {
    /// What frames say beyond their journal entry.
    struct Run {
        let id: RunID
        let conversation: ConversationID?
        let startedAt: Timestamp
        /// Set when the run is over.
        let durationMilliseconds: Int?
        /// How the run is waiting now; a pause that is over has no frame any more.
        let pause: RunMachine.Pause?
    }

    /// - Parameter after: only frames behind this one.
    static func frames(of journal: [JournalEntry], _ run: Run, after: FrameID) -> [RunFrame] {
        var out: [RunFrame] = []
        func add(_ entry: Int, _ number: Int, _ frame: InvokeFrame) {
            let id = FrameID(entry: entry, number: number)
            if id > after { out.append(RunFrame(id: id, frame: frame)) }
        }
        var names: [String: String] = [:]
        var open: (entry: Int, iteration: Int)?
        for (position, entry) in journal.enumerated() {
            switch entry {
            case .started: add(position, 1, .start(run.id))
            case .modelCalled(let call):
                if open?.iteration == call.iteration { add(position, FrameID.resetNumber, .reset) }
                open = (position, call.iteration)
            case .modelReplied(let recorded):
                guard let call = open else { continue }
                open = nil
                for (number, piece) in cut(recorded.reply.text, recorded.pieces).enumerated() {
                    add(call.entry, FrameID.firstChunk + number, .chunk(piece))
                }
                for toolCall in recorded.reply.toolCalls { names[toolCall.id] = toolCall.name }
            case .toolsCalled(let ids):
                for (number, id) in ids.enumerated() {
                    add(position, number + 1, .tool(.calling, name: names[id] ?? ""))
                }
            case .toolReturned(let result, _):
                add(position, 1, .tool(result.isError ? .failed : .returned, name: result.name))
            case .approvalsRequested, .inputRequested, .approvalDecided, .inputReceived, .inputExpired: continue
            case .ended(let outcome, let unfinished):
                if let call = open, let unfinished {
                    for (number, piece) in cut(unfinished.text, unfinished.pieces).enumerated() {
                        add(call.entry, FrameID.firstChunk + number, .chunk(piece))
                    }
                }
                add(position, 1, frame(of: outcome, run))
            }
        }
        if let pause = run.pause, let position = journal.lastIndex(where: { $0.number(of: pause) != nil }) {
            add(position, journal[position].number(of: pause) ?? 1, frame(of: pause, run))
        }
        return out
    }

    /// A text in the pieces in which it was passed on.
    private static func cut(_ text: String, _ lengths: [Int]) -> [String] {
        guard !text.isEmpty else { return [] }
        guard lengths.count > 1, lengths.reduce(0, +) == text.utf8.count else { return [text] }
        let bytes = Array(text.utf8)
        var start = 0
        return lengths.map { length in
            defer { start += length }
            return String(decoding: bytes[start..<start + length], as: UTF8.self)
        }
    }

    static func frame(of outcome: RunOutcome, _ run: Run) -> InvokeFrame {
        switch outcome {
        case .completed(let output):
            .done(
                run.id, output: output.encoded, durationMilliseconds: run.durationMilliseconds ?? 0,
                session: run.conversation)
        case .failed(let code, let message, _): .error(AgentOSError(code, message, runID: run.id).frame)
        case .cancelled: .error(AgentOSError(.conflict, "The run was cancelled.", runID: run.id).frame)
        }
    }

    static func frame(of pause: RunMachine.Pause, _ run: Run) -> InvokeFrame {
        let duration = pause.milliseconds(after: run.startedAt)
        return switch pause {
        case .approval(let request):
            .awaitingApproval(run.id, request.id, durationMilliseconds: duration, session: run.conversation)
        case .input(let request):
            .awaitingInput(run.id, request, durationMilliseconds: duration, session: run.conversation)
        }
    }
}

extension FrameID {
    /// Numbers among the frames of a model call.
    static let resetNumber = 1
    static let firstChunk = 2
}

extension JournalEntry {
    /// The number of the frame that tells of the pause, when this entry asks for it.
    func number(of pause: RunMachine.Pause) -> Int? {
        switch (self, pause) {
        case (.approvalsRequested(let requests), .approval(let request)):
            requests.firstIndex { $0.id == request.id }.map { $0 + 1 }
        case (.inputRequested(let asked), .input(let request)): asked.id == request.id ? 1 : nil
        default: nil
        }
    }
}
