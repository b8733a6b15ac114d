import AgentOSCore

/// A column of a table: a member of its rows, or `heading=path|path` for the first of several that has a value. A path
/// is a name, or names with dots for members of members.
struct Column: Sendable {
    let heading: String
    private let paths: [[String]]

    init(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        heading = (parts.first ?? text).uppercased().split(separator: "_").joined(separator: " ")
        paths = (parts.last ?? text).split(separator: "|").map { $0.split(separator: ".").map(String.init) }
    }

    /// Whether a row has the member that it begins with.
    func isKnown(in row: JSONValue) -> Bool {
        paths.contains { path in path.first.map { row[$0] != nil } ?? false }
    }

    func cell(of row: JSONValue) -> String {
        for path in paths {
            var value: JSONValue? = row
            for name in path { value = value?[name] }
            if let text = value?.plain, !text.isEmpty { return text }
        }
        return ""
    }
}
