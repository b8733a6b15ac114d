/// A place in a JSON value: `$.a.b[0]`, `a.b.0` or `/a/b/0`; `$` is the whole.
public struct JSONPath: Sendable {
    private let parts: [String]

    public init(_ text: String) {
        parts = text.split(whereSeparator: { "./[]".contains($0) }).drop { $0 == "$" }.map(String.init)
    }

    /// Whether a text is a path: `$`, or names behind `.` and `/` or in brackets, as in `$.items[0].name` and
    /// `/items/0/name`.
    public static func isPath(_ text: String) -> Bool {
        func isMark(_ character: Character?) -> Bool { character.map { "./[]".contains($0) } ?? false }
        var rest = text[...]
        if rest.first == "$", rest.count == 1 || isMark(rest.dropFirst().first) {
            rest.removeFirst()
        } else if !isMark(rest.first) {
            rest = Substring(".\(text)")
        }
        while let mark = rest.popFirst() {
            let name = rest.prefix { !isMark($0) }
            guard isMark(mark), mark != "]", !name.isEmpty else { return false }
            rest = rest.dropFirst(name.count)
            if mark == "[", rest.popFirst() != "]" { return false }
        }
        return true
    }

    /// What stands there; nil when nothing does.
    public func value(in root: JSONValue) -> JSONValue? {
        var current = root
        for part in parts {
            if let items = current.arrayValue, let index = Int(part), items.indices.contains(index) {
                current = items[index]
            } else if let member = current[part] {
                current = member
            } else {
                return nil
            }
        }
        return current
    }
}
