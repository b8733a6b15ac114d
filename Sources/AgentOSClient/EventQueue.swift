import AgentOSCore

/// Events that wait to be sent, oldest first, bounded in number and bytes. When it is full, the oldest event of
/// level debug or info gives way, and if there is none the oldest of all. Pure; the reporter guards and drains it.
struct EventQueue: Sendable {
    struct Entry: Sendable {
        /// The event object, encoded once, so that a repeat is the same byte for byte.
        let bytes: [UInt8]
        let level: EventLevel
    }

    let mostEvents: Int
    let mostBytes: Int
    private(set) var entries: [Entry] = []
    private(set) var bytes = 0
    /// Events that were given up because there was no room.
    private(set) var dropped = 0

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    init(mostEvents: Int, mostBytes: Int) {
        self.mostEvents = mostEvents
        self.mostBytes = mostBytes
    }

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        bytes += entry.bytes.count
        shrink()
    }

    /// Takes up to `limit` of the oldest.
    mutating func take(_ limit: Int) -> [Entry] {
        let batch = Array(entries.prefix(limit))
        entries.removeFirst(batch.count)
        bytes -= batch.reduce(0) { $0 + $1.bytes.count }
        return batch
    }

    /// Puts a batch that could not be sent back at the head.
    mutating func putBack(_ batch: [Entry]) {
        entries.insert(contentsOf: batch, at: 0)
        bytes += batch.reduce(0) { $0 + $1.bytes.count }
        shrink()
    }

    /// Counts events that the server refused for good.
    mutating func countDropped(_ number: Int) { dropped += number }

    /// Gives up what is left, once it cannot be sent any more.
    mutating func giveUp() {
        dropped += entries.count
        entries = []
        bytes = 0
    }

    private mutating func shrink() {
        while entries.count > mostEvents || (bytes > mostBytes && entries.count > 1) {
            let victim = entries.firstIndex { $0.level == .debug || $0.level == .info } ?? 0
            bytes -= entries[victim].bytes.count
            entries.remove(at: victim)
            dropped += 1
        }
    }
}
