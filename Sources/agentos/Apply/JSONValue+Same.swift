import AgentOSCore

extension JSONValue {
    /// Equal in meaning: `1` and `1.0` are the same number, and nothing is the same as empty.
    func means(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.number, .number): self == other || (doubleValue != nil && doubleValue == other.doubleValue)
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.means($1) }
        case (.object(let a), .object(let b)):
            Set(a.keys + b.keys).allSatisfy { (a[$0] ?? .null).means(b[$0] ?? .null) }
        case (.null, .array(let items)), (.array(let items), .null): items.isEmpty
        case (.null, .object(let object)), (.object(let object), .null): object.isEmpty
        default: self == other
        }
    }
}
