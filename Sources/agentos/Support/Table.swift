import AgentOSCore

/// Aligned columns for people. The last column is never padded and may be long.
struct Table {
    private static let widest = 60
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) { self.headings = headings }

    init(columns: [String]) { headings = columns }

    mutating func add(_ cells: String...) { add(cells) }

    mutating func add(_ cells: [String]) { rows.append(cells.map { Output.printable($0.isEmpty ? "-" : $0) }) }

    func print(whenEmpty remark: String) {
        guard !rows.isEmpty else { return Output.note(remark) }
        for line in lines { Output.line(line) }
    }

    var lines: [String] {
        let all = [headings] + rows
        let widths = headings.indices.map { column in
            min(Self.widest, all.map { $0[column].count }.max() ?? 0)
        }
        return all.map { cells in
            cells.enumerated().map { column, cell in
                guard column < cells.count - 1 else { return cell }
                let cut = cell.count > widths[column] ? cell.prefix(widths[column] - 1) + "…" : cell[...]
                return cut + String(repeating: " ", count: widths[column] - cut.count)
            }.joined(separator: "  ")
        }
    }
}

/// `name: value` lines for one object.
struct Card {
    private var rows: [(String, String)] = []

    /// Nil and empty values are left out.
    mutating func add(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { rows.append((name, Output.printable(value, lines: true))) }
    }

    func print() {
        let width = rows.map(\.0.count).max() ?? 0
        for (name, value) in rows {
            let lines = value.split(separator: "\n", omittingEmptySubsequences: false)
            let indent = String(repeating: " ", count: width + 2)
            Output.line(
                name + String(repeating: " ", count: width + 2 - name.count) + lines.joined(separator: "\n" + indent))
        }
    }
}

extension JSONValue {
    /// A member as people read it in a table: text without quotes, lists by commas, nothing for null.
    func cell(_ key: String) -> String { self[key]?.plain ?? "" }

    var plain: String {
        switch self {
        case .null: ""
        case .string(let text): text
        case .array(let items) where items.allSatisfy({ $0.stringValue != nil }):
            items.compactMap(\.stringValue).joined(separator: ",")
        default: text
        }
    }

    /// A member that is a number of milliseconds, as `850 ms` or `4.2 s`.
    func duration(_ key: String) -> String {
        guard let millis = self[key]?.intValue else { return "" }
        if millis < 1000 { return "\(millis) ms" }
        let tenths = (millis + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
