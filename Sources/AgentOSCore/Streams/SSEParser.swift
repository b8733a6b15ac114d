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
    /// A line that was cut by the end of the bytes.
    private var line: [UInt8] = []
    private var name = ""
    /// The last name that came; a stream has few, and an equal one needs no new string.
    private var lastName = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var afterReturn = false
    private var atStart = true

    /// - Parameter maximumEventBytes: bound on a line and on the data of an event.
    public init(maximumEventBytes: Int = SSEParser.defaultMaximumEventBytes) { limit = maximumEventBytes }

    /// Takes in bytes and hands out the events they complete. What the stream ends without completing is no event.
    public mutating func feed(_ bytes: [UInt8]) throws(TooLarge) -> [SSEEvent] {
        try bytes.withUnsafeBufferPointer { bytes throws(TooLarge) in try feed(bytes) }
    }

    /// The same for bytes that stand somewhere else.
    public mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>) throws(TooLarge) -> [SSEEvent] {
        var events: [SSEEvent] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte != 0x0a, byte != 0x0d {
                afterReturn = false
            } else if byte == 0x0a, afterReturn {
                afterReturn = false
                start = index + 1
            } else {
                afterReturn = byte == 0x0d
                let rest = UnsafeBufferPointer(rebasing: bytes[start..<index])
                if let event = try endLine(with: rest) { events.append(event) }
                start = index + 1
            }
            index += 1
        }
        let rest = UnsafeBufferPointer(rebasing: bytes[start...])
        guard line.count + rest.count <= limit else { throw TooLarge() }
        line.append(contentsOf: rest)
        return events
    }

    /// A line that came in one piece is read where it stands.
    private mutating func endLine(with rest: UnsafeBufferPointer<UInt8>) throws(TooLarge) -> SSEEvent? {
        guard line.count + rest.count <= limit else { throw TooLarge() }
        guard !line.isEmpty else { return try end(rest) }
        var whole: [UInt8] = []
        swap(&whole, &line)
        whole.append(contentsOf: rest)
        let event = try whole.withUnsafeBufferPointer { bytes throws(TooLarge) in try end(bytes) }
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &line)
        return event
    }

    private mutating func end(_ whole: UnsafeBufferPointer<UInt8>) throws(TooLarge) -> SSEEvent? {
        var line = whole[...]
        if atStart {
            atStart = false
            if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
        }
        guard let first = line.first else { return dispatch() }
        // Most lines are data.
        if first == UInt8(ascii: "d"), Self.starts(line, with: "data:") {
            return try take(data: Self.withoutSpace(line.dropFirst(5)))
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        let value = Self.withoutSpace(line[min(colon + 1, line.endIndex)...])
        switch colon - line.startIndex {
        case 4 where Self.starts(line, with: "data"): return try take(data: value)
        case 5 where Self.starts(line, with: "event"):
            if !lastName.utf8.elementsEqual(value) { lastName = String(decoding: value, as: UTF8.self) }
            name = lastName
        case 2 where Self.starts(line, with: "id"):
            if !value.contains(0) { lastEventID = String(decoding: value, as: UTF8.self) }
        case 5 where Self.starts(line, with: "retry"):
            if !value.isEmpty, value.allSatisfy({ $0 &- 0x30 <= 9 }) {
                retryMilliseconds = Int(String(decoding: value, as: UTF8.self)) ?? retryMilliseconds
            }
        default: break
        }
        return nil
    }

    private mutating func take(data value: Slice<UnsafeBufferPointer<UInt8>>) throws(TooLarge) -> SSEEvent? {
        guard data.count + value.count < limit else { throw TooLarge() }
        if hasData { data.append(0x0a) }
        data.append(contentsOf: UnsafeBufferPointer(rebasing: value))
        hasData = true
        return nil
    }

    private static func withoutSpace(_ value: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
        value.first == 0x20 ? value.dropFirst() : value
    }

    private static func starts(_ line: Slice<UnsafeBufferPointer<UInt8>>, with word: StaticString) -> Bool {
        guard line.count >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where line[line.startIndex + index] != word.utf8Start[index] {
            return false
        }
        return true
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
