import AgentOSCore
import AgentOSStore

/// How many rows of each table an export holds, and their checksum: written at its end, and found again from its lines.
struct ExportTally {
    private static let rowMark = Array("{\"table\":\"".utf8)
    private static let endMark = Array("{\"end\":".utf8)

    private(set) var rows: [String: Int] = [:]
    private var sum = Checksum()

    var total: Int { rows.values.reduce(0, +) }
    var checksum: String { sum.hex }

    /// Whether a line is a row of a table.
    static func isRow(_ line: ArraySlice<UInt8>) -> Bool { line.starts(with: rowMark) }

    /// - Parameter line: without its end.
    mutating func add(_ line: ArraySlice<UInt8>) {
        guard Self.isRow(line) else { return }
        let name = line.dropFirst(Self.rowMark.count).prefix { $0 != 0x22 }
        rows[String(decoding: name, as: UTF8.self), default: 0] += 1
        sum.add(line)
        sum.add(CollectionOfOne(0x0a))
    }

    /// - Parameter lines: whole lines with their ends.
    mutating func add(lines: [UInt8]) {
        for line in lines.split(separator: 0x0a) { add(line) }
    }

    var end: [UInt8] {
        var counts = JSONObject()
        for name in rows.keys.sorted() { counts[name] = .int(rows[name] ?? 0) }
        let line: JSONValue = ["end": ["rows": .object(counts), "sha256": .string(checksum)]]
        return line.encoded + [0x0a]
    }

    static func isEnd(_ line: ArraySlice<UInt8>) -> Bool { line.starts(with: endMark) }

    /// - Throws: `StartupError` when an end line says otherwise.
    func check(against line: ArraySlice<UInt8>, _ path: String) throws {
        guard line == end.dropLast()[...] else {
            throw StartupError("\(path) is damaged: its rows are not those that were exported. Nothing was imported.")
        }
    }
}
