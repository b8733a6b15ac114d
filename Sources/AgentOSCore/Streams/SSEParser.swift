/// One event of an event stream.
public struct SSEEvent: Sendable, Equatable {
    /// `message` unless the stream names it.
    public var name: String
    /// The data lines, joined by line feeds.
    public var data: [UInt8]

    public init(name: String = "message", data: [UInt8]) {
        self.name = name
        self.data = data
    }

    public var text: String { String(decoding: data, as: UTF8.self) }
}

/// Takes an event stream apart, as the HTML standard says. Bytes may be cut anywhere, inside characters too.
public struct SSEParser: Sendable {
    /// An event or a line is longer than the limit.
    public struct TooLarge: Error, Sendable, Equatable {}

    public static let defaultMaximumEventBytes = 8 << 20

    /// The last `id` seen; stays until another comes.
    public private(set) var lastEventID = ""
    /// The last `retry` seen, in milliseconds.
    public private(set) var retryMilliseconds: Int?

    private let limit: Int
    private var line: [UInt8] = []
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var afterReturn = false
    private var atStart = true

    /// - Parameter maximumEventBytes: bound on a line and on the data of an event.
    public init(maximumEventBytes: Int = SSEParser.defaultMaximumEventBytes) { limit = maximumEventBytes }

    /// Takes in bytes and hands out the events they complete. What the stream ends without completing is no event.
    public mutating func feed(_ bytes: [UInt8]) throws(TooLarge) -> [SSEEvent] {
        var events: [SSEEvent] = []
        var start = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if byte != 0x0a, byte != 0x0d {
                afterReturn = false
                continue
            }
            if byte == 0x0a, afterReturn {
                afterReturn = false
                start = index + 1
                continue
            }
            afterReturn = byte == 0x0d
            try take(bytes[start..<index])
            if let event = try endLine() { events.append(event) }
            start = index + 1
        }
        try take(bytes[start...])
        return events
    }

    private mutating func take(_ slice: ArraySlice<UInt8>) throws(TooLarge) {
        guard line.count + slice.count <= limit else { throw TooLarge() }
        line.append(contentsOf: slice)
    }

    private mutating func endLine() throws(TooLarge) -> SSEEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if atStart {
            atStart = false
            if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
        var value = line[min(colon + 1, line.count)...]
        if value.first == 0x20 { value.removeFirst() }
        switch colon {
        case 4 where line.starts(with: "data".utf8):
            guard data.count + value.count < limit else { throw TooLarge() }
            if hasData { data.append(0x0a) }
            data.append(contentsOf: value)
            hasData = true
        case 5 where line.starts(with: "event".utf8):
            name = String(decoding: value, as: UTF8.self)
        case 2 where line.starts(with: "id".utf8):
            if !value.contains(0) { lastEventID = String(decoding: value, as: UTF8.self) }
        case 5 where line.starts(with: "retry".utf8):
            if !value.isEmpty, value.allSatisfy({ $0 &- 0x30 <= 9 }) {
                retryMilliseconds = Int(String(decoding: value, as: UTF8.self)) ?? retryMilliseconds
            }
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> SSEEvent? {
        defer {
            data = []
            hasData = false
            name = ""
        }
        return hasData ? SSEEvent(name: name.isEmpty ? "message" : name, data: data) : nil
    }
}
