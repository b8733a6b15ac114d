import AgentOSCore
import Foundation

/// One row as a line of JSON, and back. A line starts with `{"table":"<name>"`, so that it can be told apart without
/// being read.
enum ExportedRow {
    static let prefix = Array("{\"table\":\"".utf8)

    /// - Parameter row: the table's `selection`.
    static func write(_ row: any SQLRow, of table: ExportTable, to out: inout JSONWriter) throws {
        out.raw("{\"table\":")
        out.string(table.name)
        out.raw(",\"row\":{")
        for (index, column) in table.columns.enumerated() {
            if index > 0 { out.raw(",") }
            out.string(column.name)
            out.raw(":")
            try write(row, index, column.kind, to: &out)
        }
        out.raw("}}\n")
    }

    private static func write(
        _ row: any SQLRow, _ index: Int, _ kind: ExportTable.Kind, to out: inout JSONWriter
    ) throws {
        guard let value = row.value(index) else { return out.raw("null") }
        switch (kind, value) {
        case (.uuid, _): out.id(try row.bits(index))
        case (.json, _): out.value(row.json(index) ?? .null)
        case (.bytes, .blob(let bytes)): out.string(Data(bytes).base64EncodedString())
        case (_, .blob): out.id(try row.bits(index))
        case (_, .int(let number)): out.int(number)
        case (_, .double(let number)): out.value(.double(number))
        case (_, .text(let text)): out.string(text)
        default: out.raw("null")
        }
    }

    /// The arguments of the table's `insertion`, without the workspace.
    static func arguments(_ row: JSONObject, of table: ExportTable) throws -> [SQLValue] {
        try table.columns.map { column in
            guard let value = row[column.name], !value.isNull else { return .null }
            switch column.kind {
            case .json: return .json(value)
            case .bytes:
                guard let bytes = value.stringValue.flatMap({ Data(base64Encoded: $0) }) else {
                    throw wrong(table, column.name)
                }
                return .blob(Array(bytes))
            case .uuid, .reference(_, "id"), .referenceOrZero:
                guard let bits = value.stringValue.flatMap({ UUIDBits($0) }) else { throw wrong(table, column.name) }
                return .blob(bits.bytes)
            case .plain, .reference:
                switch value {
                case .string(let text): return .text(text)
                case .bool(let flag): return .bool(flag)
                case .number(let literal):
                    if let number = Int64(literal) { return .int(number) }
                    guard let number = Double(literal) else { throw wrong(table, column.name) }
                    return .double(number)
                default: throw wrong(table, column.name)
                }
            }
        }
    }

    private static func wrong(_ table: ExportTable, _ column: String) -> AgentOSError {
        AgentOSError.invalid("\(table.name).\(column)", "is not what an export holds there")
    }
}

/// A chunk of the event log as a line: what the store must know of it, then the events as they were sent.
enum ExportedChunk {
    static let columns = "first_seq, min_time, max_time, flags, digests, body"
    static let insertion = """
        INSERT INTO event_chunks (run_key, first_seq, count, min_time, max_time, flags, digests, body)
        SELECT x.key, $2, $3, $4, $5, $6, $7, $8 FROM runs x WHERE x.id = $1 ON CONFLICT DO NOTHING
        """
    private static let eventsMark = Array(",\"events\":[".utf8)

    static func write(_ row: any SQLRow, run: UUIDBits, to out: inout JSONWriter) throws {
        let chunk = try ChunkBody.decode(row.bytes(5) ?? [])
        out.raw("{\"table\":\"event_chunks\",\"run_id\":")
        out.id(run)
        for (index, name) in ["first_seq", "min_time", "max_time", "flags"].enumerated() {
            out.raw(",")
            out.string(name)
            out.raw(":")
            out.int(try row.requiredInt(index))
        }
        out.raw(",\"digests\":")
        out.string(Data(row.bytes(4) ?? []).base64EncodedString())
        out.raw(",\"received\":[")
        for (index, group) in chunk.groups.enumerated() {
            if index > 0 { out.raw(",") }
            out.raw("[")
            out.int(Int64(group.count))
            out.raw(",")
            out.int(group.createdAt)
            out.raw("]")
        }
        out.raw("],\"lengths\":[")
        for index in 0..<chunk.count {
            if index > 0 { out.raw(",") }
            out.int(Int64(chunk.raw(index).count))
        }
        out.raw("],\"events\":[")
        for index in 0..<chunk.count {
            if index > 0 { out.raw(",") }
            // Between the tokens of an event there may be line ends; a line of an export has none.
            out.raw(chunk.raw(index).map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 })
        }
        out.raw("]}\n")
    }

    /// The arguments of `insertion`.
    static func arguments(_ line: ArraySlice<UInt8>) throws -> [SQLValue] {
        guard let mark = position(of: eventsMark, in: line) else { throw wrong("events") }
        let head = try JSONParser.parse(Array(line[line.startIndex..<mark]) + [0x7d])
        guard let run = head["run_id"]?.stringValue.flatMap({ UUIDBits($0) }) else { throw wrong("run_id") }
        let lengths = head["lengths"]?.arrayValue?.compactMap(\.intValue) ?? []
        let groups = (head["received"]?.arrayValue ?? []).compactMap { pair -> ChunkBody.Group? in
            guard let pair = pair.arrayValue, pair.count == 2, let count = pair[0].intValue,
                case .number(let time) = pair[1], let time = Int64(time)
            else { return nil }
            return ChunkBody.Group(count: count, createdAt: time)
        }
        let events = mark + eventsMark.count
        let size = lengths.reduce(0, +)
        guard lengths.allSatisfy({ $0 > 0 }), !lengths.isEmpty, size < line.count,
            events + size + lengths.count - 1 + 2 == line.endIndex, groups.map(\.count).reduce(0, +) == lengths.count,
            let digests = head["digests"]?.stringValue.flatMap({ Data(base64Encoded: $0) }),
            digests.count == lengths.count * 8
        else { throw wrong("lengths") }
        let plain = ChunkBody.encode(lengths: lengths, groups: groups, size: size) { out in
            var start = events
            for length in lengths {
                out.append(contentsOf: line[start..<start + length])
                start += length + 1
            }
        }
        func number(_ name: String) throws -> SQLValue {
            guard case .number(let literal)? = head[name], let value = Int64(literal) else { throw wrong(name) }
            return .int(value)
        }
        let flags = head["flags"]?.intValue ?? 0
        let level = Int64(flags) & ChunkDigests.merged != 0 ? Zstd.mergeLevel : Zstd.ingestLevel
        return [
            .blob(run.bytes), try number("first_seq"), .int(Int64(lengths.count)), try number("min_time"),
            try number("max_time"), try number("flags"), .blob(Array(digests)),
            .blob(try Zstd.compress(plain, level: level)),
        ]
    }

    private static func position(of pattern: [UInt8], in line: ArraySlice<UInt8>) -> Int? {
        var start = line.startIndex
        while let comma = line[start...].firstIndex(of: pattern[0]) {
            if line[comma...].starts(with: pattern) { return comma }
            start = comma + 1
        }
        return nil
    }

    private static func wrong(_ name: String) -> AgentOSError {
        AgentOSError.invalid("event_chunks.\(name)", "is not what an export holds there")
    }
}
