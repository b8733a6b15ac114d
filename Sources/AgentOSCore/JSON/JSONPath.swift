/// A place in a JSON value: `$.a.b[0]`, `a.b.0` or `/a/b/0`; `$` is the whole.
public struct JSONPath: Sendable {
    private let parts: [String]

    public init(_ text: String) {
        parts = text.split(whereSeparator: { "./[]".contains($0) }).drop { $0 == "$" }.map(String.init)
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
