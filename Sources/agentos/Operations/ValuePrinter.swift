import AgentOSCore

extension JSONValue {
    private static let mostColumns = 7

    /// A list as a table, an object as lines, with its lists as tables below.
    func printForPeople(columns: [Column] = []) {
        switch self {
        case .array(let rows): Self.print(rows, columns)
        case .object(let object):
            let lists = object.members.filter { $0.value.arrayValue?.first?.objectValue != nil }
            var card = Card()
            for (name, value) in object.members where !lists.contains(where: { $0.key == name }) {
                card.add(name, value.objectValue == nil ? value.plain : value.prettyText)
            }
            card.print()
            for (name, value) in lists {
                Output.line("\n\(name)")
                Self.print(value.arrayValue ?? [], columns)
            }
        default: Output.line(Output.printable(plain, lines: true))
        }
    }

    private static func print(_ rows: [JSONValue], _ wanted: [Column]) {
        guard let first = rows.first else { return Output.note("None.") }
        guard let members = first.objectValue?.members else {
            for row in rows { Output.line(Output.printable(row.plain)) }
            return
        }
        let known = wanted.filter { $0.isKnown(in: first) }
        let fitting = members.filter { name, _ in
            rows.allSatisfy { $0[name]?.objectValue == nil && $0[name]?.arrayValue?.first?.objectValue == nil }
        }
        let columns = known.isEmpty ? fitting.prefix(mostColumns).map { Column($0.key) } : known
        var table = Table(columns: columns.map(\.heading))
        for row in rows { table.add(columns.map { $0.cell(of: row) }) }
        table.print(whenEmpty: "None.")
    }
}
