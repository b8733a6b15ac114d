/// Finds schemas that come back to themselves without going into the value: checking them would never end.
enum SchemaLoops {
    private enum State { case new, open, done }

    /// - Throws: `JSONSchema.Invalid`
    static func refuse(in nodes: [SchemaNode], places: [SchemaPlace]) throws {
        var states = Array(repeating: State.new, count: nodes.count)
        for start in nodes.indices where states[start] == .new {
            states[start] = .open
            var path = [(node: start, next: sameValue(nodes[start]))]
            while var top = path.popLast() {
                guard let target = top.next.popLast() else {
                    states[top.node] = .done
                    continue
                }
                path.append(top)
                switch states[target] {
                case .done: break
                case .open:
                    throw JSONSchema.Invalid(
                        path: SchemaPath.text(places[target].path),
                        message: "comes back to itself without going into the value")
                case .new:
                    states[target] = .open
                    path.append((target, sameValue(nodes[target])))
                }
            }
        }
    }

    /// The nodes that are applied to the same value.
    private static func sameValue(_ node: SchemaNode) -> [Int] {
        var found: [Int] = []
        for rule in node.rules {
            switch rule {
            case .allOf(let list), .anyOf(let list), .oneOf(let list): found += list
            case .not(let inner), .schemaWith(_, let inner): found.append(inner)
            case .condition(let condition, let then, let otherwise):
                found += [condition, then, otherwise].compactMap(\.self)
            default: break
            }
        }
        return found
    }
}
