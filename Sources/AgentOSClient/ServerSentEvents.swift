/// Takes an event stream apart: bytes in as they come, the text of each frame's `data` out.
///
/// Lines end at `\n` or `\r\n`; comments and fields other than `data` are skipped; several `data` lines of a frame
/// are joined by `\n`. Pure: knows neither sockets nor JSON.
struct ServerSentEventDecoder {
    /// A frame larger than this is an error, so that a peer cannot make us hold without end.
    static let largestFrame = 64 << 20

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false

    struct FrameTooLarge: Error {}

    /// Appends the frames that `bytes` completes.
    mutating func feed(_ bytes: some Sequence<UInt8>, into frames: inout [[UInt8]]) throws {
        for byte in bytes {
            guard byte == 0x0a else {
                line.append(byte)
                if line.count + data.count > Self.largestFrame { throw FrameTooLarge() }
                continue
            }
            if line.last == 0x0d { line.removeLast() }
            endLine(into: &frames)
        }
    }

    /// The stream is over: a last frame may lack its blank line.
    mutating func finish(into frames: inout [[UInt8]]) {
        if !line.isEmpty { endLine(into: &frames) }
        endFrame(into: &frames)
    }

    private mutating func endLine(into frames: inout [[UInt8]]) {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty { return endFrame(into: &frames) }
        guard line.starts(with: "data".utf8) else { return }
        var value = line.dropFirst(4)
        if value.first == UInt8(ascii: ":") {
            value = value.dropFirst()
            if value.first == 0x20 { value = value.dropFirst() }
        } else if !value.isEmpty {
            return
        }
        if hasData { data.append(0x0a) }
        hasData = true
        data.append(contentsOf: value)
    }

    private mutating func endFrame(into frames: inout [[UInt8]]) {
        guard hasData else { return }
        frames.append(data)
        data = []
        hasData = false
    }
}
