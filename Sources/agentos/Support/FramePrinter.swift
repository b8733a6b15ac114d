import AgentOSClient

/// Prints the frames of a run as they come.
struct FramePrinter {
    let teller: RunTeller
    /// One frame a line, with its id, rather than text for people.
    let json: Bool

    private var midLine = false
    private var sawText = false

    init(teller: RunTeller, json: Bool) {
        self.teller = teller
        self.json = json
    }

    mutating func print(_ stream: FrameStream) async throws {
        do {
            for try await frame in stream.frames { await show(frame) }
        } catch {
            endLine()
            throw error
        }
    }

    private mutating func show(_ frame: FrameStream.Frame) async {
        let content = JSONValue.object(frame.content)
        if json {
            var line = frame.content
            if let id = frame.id { line["id"] = .string(id) }
            return Output.line(JSONValue.object(line).text)
        }
        switch content.cell("type") {
        case "chunk":
            let text = content.cell("text")
            Output.text(RunTeller.shown(text))
            sawText = sawText || !text.isEmpty
            midLine = text.isEmpty ? midLine : !text.hasSuffix("\n")
        case "tool": remark("[\(content.cell("name")) \(content.cell("status"))]")
        case "reset": remark("[the model is asked again; its text since the last call does not count]")
        default:
            guard let result = InvokeResult(frame: frame.content) else { return }
            endLine()
            if case .completed(let output) = result.state, !sawText { RunTeller.write(output) }
            await teller.tellPause(result)
            teller.tellSession(result)
        }
    }

    private mutating func remark(_ text: String) {
        endLine()
        Output.note(Output.printable(text))
    }

    private mutating func endLine() {
        if midLine { Output.text("\n") }
        midLine = false
    }
}
