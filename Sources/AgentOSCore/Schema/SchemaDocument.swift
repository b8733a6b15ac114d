/// A place in a schema document.
struct SchemaPlace: Sendable {
    let value: JSONValue
    let path: [SchemaPathPart]
    /// The address that references here are relative to.
    let base: String

    /// The same place always has the same key.
    var key: [UInt8] {
        var key: [UInt8] = []
        for part in path {
            switch part {
            case .member(let name):
                key.append(contentsOf: "m\(name.utf8.count):".utf8)
                key.append(contentsOf: name.utf8)
            case .index(let index): key.append(contentsOf: "i\(index);".utf8)
            }
        }
        return key
    }

    /// One step further in. A schema that has an `$id` changes the base for all inside.
    func child(_ value: JSONValue, _ part: SchemaPathPart) -> SchemaPlace {
        SchemaPlace(value: value, path: path + [part], base: SchemaPlace.base(of: value, in: base))
    }

    static func base(of value: JSONValue, in base: String) -> String {
        guard let id = value["$id"]?.stringValue, value["$ref"] == nil else { return base }
        return SchemaReference.resolve(SchemaReference.split(id).address, against: base)
    }

    /// Where the subschemas are that the keywords name, in no particular order.
    var subschemas: [SchemaPlace] {
        guard case .object(let object) = value else { return [] }
        var found: [SchemaPlace] = []
        for (key, value) in object.members {
            let inside = SchemaPlace(value: value, path: path + [.member(key)], base: base)
            switch (key, value) {
            case ("definitions", .object(let named)), ("$defs", .object(let named)), ("properties", .object(let named)),
                ("patternProperties", .object(let named)), ("dependencies", .object(let named)):
                for (name, schema) in named.members where schema.arrayValue == nil {
                    found.append(inside.child(schema, .member(name)))
                }
            case ("items", .array(let list)), ("allOf", .array(let list)), ("anyOf", .array(let list)),
                ("oneOf", .array(let list)):
                for (index, schema) in list.enumerated() { found.append(inside.child(schema, .index(index))) }
            case ("items", _), ("additionalItems", _), ("contains", _), ("additionalProperties", _),
                ("propertyNames", _), ("if", _), ("then", _), ("else", _), ("not", _):
                found.append(child(value, .member(key)))
            default: break
            }
        }
        return found
    }
}

/// A schema with all that references in it can name.
struct SchemaDocument: Sendable {
    let root: SchemaPlace
    /// Places with an `$id`, by their full address; for plain names (`$id: "#name"`) with the `#` and the name.
    private var named: [String: SchemaPlace] = [:]

    init(_ schema: JSONValue) {
        root = SchemaPlace(value: schema, path: [], base: SchemaPlace.base(of: schema, in: ""))
        named[""] = root
        var open = [root]
        while let place = open.popLast() {
            if let id = place.value["$id"]?.stringValue, place.value["$ref"] == nil {
                let fragment = SchemaReference.split(id).fragment ?? ""
                let address = fragment.isEmpty ? place.base : place.base + "#" + fragment
                if named[address] == nil || place.path.isEmpty { named[address] = place }
            }
            open.append(contentsOf: place.subschemas.reversed())
        }
    }

    /// What a reference at a place names.
    /// - Throws: `JSONSchema.Invalid`
    func target(of reference: String, at place: SchemaPlace) throws -> SchemaPlace {
        func failure(_ message: String) -> JSONSchema.Invalid {
            JSONSchema.Invalid(path: SchemaPath.text(place.path + [.member("$ref")]), message: message)
        }
        let (address, fragment) = SchemaReference.split(reference)
        let base = SchemaReference.resolve(address, against: place.base)
        if let fragment, !fragment.isEmpty, let found = named[base + "#" + fragment] { return found }
        guard let resource = named[base] else { throw failure("refers to another document") }
        guard let names = SchemaReference.pointer(fragment ?? "") else { throw failure("refers to an unknown name") }
        var current = resource
        for name in names {
            if let value = current.value[name] {
                current = current.child(value, .member(name))
            } else if let items = current.value.arrayValue, let index = Int(name), String(index) == name,
                items.indices.contains(index)
            {
                current = current.child(items[index], .index(index))
            } else {
                throw failure("refers to a place that is not there")
            }
        }
        return current
    }
}
