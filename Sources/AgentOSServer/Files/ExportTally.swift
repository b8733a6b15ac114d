import AgentOSCore
import AgentOSStore

/// How many rows of each table an export holds, and their checksums: written at its end, and found again from its lines.
/// A checksum depends on nothing but the rows, so that two stores with equal ones hold the same.
struct ExportTally {
    private static let rowMark = Array("{\"table\":\"".utf8)
    private static let endMark = Array("{\"end\":".utf8)

    private var rows: [String: Int] = [:]
    private var sums: [String: Checksum] = [:]

    var tables: [String: TransferSummary.Table] {
        var out: [String: TransferSummary.Table] = [:]
        for (name, count) in rows { out[name] = .init(rows: count, checksum: sums[name]?.hex ?? "") }
        return out
    }

    /// Whether a line is a row of a table.
    static func isRow(_ line: ArraySlice<UInt8>) -> Bool { line.starts(with: rowMark) }

    /// - Parameter line: without its end.
    mutating func add(_ line: ArraySlice<UInt8>) {
        guard Self.isRow(line) else { return }
        let name = String(
            decoding: line.dropFirst(Self.rowMark.count).prefix { $0 != 0x22 }, as: UTF8.self)
        rows[name, default: 0] += 1
        sums[name, default: Checksum()].add(line)
        sums[name]?.add(CollectionOfOne(0x0a))
    }

    /// - Parameter lines: whole lines with their ends.
    mutating func add(lines: [UInt8]) {
        for line in lines.split(separator: 0x0a) { add(line) }
    }

    var end: [UInt8] {
        let line: JSONValue = ["end": ["tables": TransferSummary.json(tables)]]
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
