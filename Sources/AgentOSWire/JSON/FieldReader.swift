import AgentOSCore
import CSimdJSON

/// Reads typed members of one object of a checked text. Every refusal names the member by its path.
///
/// `null` is not a synonym for absent here: the ingest and invoke contracts refuse it.
struct FieldReader {
    let json: CheckedJSON
    /// Prefix of the paths in errors, e.g. `task.`.
    let prefix: String
    private let names: [StaticString]
    private let slices: [JSONSlice]

    /// Finds the given members; others are passed over.
    init(_ json: CheckedJSON, in object: JSONSlice? = nil, prefix: String = "", names: [StaticString]) {
        self.json = json
        self.prefix = prefix
        self.names = names
        let place = object ?? json.whole
        let wanted = names.map { name in
            aos_name(
                bytes: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
                length: UInt32(name.utf8CodeUnitCount))
        }
        slices = json.withBytes(of: place) { text in
            let found = [aos_value](unsafeUninitializedCapacity: wanted.count) { buffer, count in
                aos_json_pick(text.baseAddress, text.count, wanted, wanted.count, buffer.baseAddress)
                count = wanted.count
            }
            return found.map { JSONSlice($0, base: place.offset) }
        }
    }

    /// The member's slice; nil when absent.
    /// - Throws: VALIDATION_ERROR when the member was given twice.
    func slice(_ name: StaticString) throws -> JSONSlice? {
        for (index, known) in names.enumerated() where known.utf8Start == name.utf8Start || "\(known)" == "\(name)" {
            let slice = slices[index]
            guard slice.kind != .missing else { return nil }
            guard !slice.repeated else { throw invalid(name, "is given more than once") }
            return slice
        }
        return nil
    }

    func invalid(_ name: StaticString, _ problem: String) -> AgentOSError { .invalid(prefix + "\(name)", problem) }

    private func required<T>(_ name: StaticString, _ value: T?) throws -> T {
        guard let value else { throw invalid(name, "is required") }
        return value
    }

    private func slice(_ name: StaticString, _ kind: JSONSlice.Kind) throws -> JSONSlice? {
        guard let slice = try slice(name) else { return nil }
        guard slice.kind == kind else { throw invalid(name, "must be \(kind.phrase), not \(slice.kind.phrase)") }
        return slice
    }

    func optionalUUID(_ name: StaticString) throws -> UUIDBits? {
        guard let slice = try slice(name, .string) else { return nil }
        let bits = json.withBytes(of: slice) { text in
            text.count == 38 ? UUIDBits(utf8: UnsafeBufferPointer(rebasing: text[1..<37])) : nil
        }
        guard let bits else { throw invalid(name, "must be a UUID") }
        return bits
    }

    func uuid(_ name: StaticString) throws -> UUIDBits { try required(name, optionalUUID(name)) }

    /// A string; its length is counted in Unicode code points.
    func optionalString(_ name: StaticString, _ range: ClosedRange<Int>) throws -> String? {
        guard let slice = try slice(name, .string) else { return nil }
        let text = try string(at: slice, name)
        let length = text.unicodeScalars.count
        guard length >= range.lowerBound else { throw invalid(name, "must not be empty") }
        guard length <= range.upperBound else {
            throw invalid(name, "must be at most \(range.upperBound) characters long, not \(length)")
        }
        return text
    }

    func string(_ name: StaticString, _ range: ClosedRange<Int>) throws -> String {
        try required(name, optionalString(name, range))
    }

    private func string(at slice: JSONSlice, _ name: StaticString) throws -> String {
        guard let text = FieldReader.text(json, slice) else { throw invalid(name, "must be a string") }
        return text
    }

    /// The decoded text of a string slice.
    static func text(_ json: CheckedJSON, _ slice: JSONSlice) -> String? {
        json.withBytes(of: slice) { bytes in
            if slice.escaped { return (try? JSONParser.parse(bytes))?.stringValue }
            return String(decoding: bytes[1..<bytes.count - 1], as: UTF8.self)
        }
    }

    func optionalEnum<E: RawRepresentable & CaseIterable>(_ name: StaticString, _ type: E.Type) throws -> E?
    where E.RawValue == String {
        guard let slice = try slice(name, .string) else { return nil }
        guard let value = E(rawValue: try string(at: slice, name)) else {
            throw invalid(name, "must be one of " + E.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    func optionalBool(_ name: StaticString) throws -> Bool? {
        guard let slice = try slice(name, .bool) else { return nil }
        return slice.length == 4
    }

    /// An integral number in any notation, within the range.
    func optionalInt(_ name: StaticString, _ range: ClosedRange<Int>) throws -> Int? {
        guard let slice = try slice(name, .number) else { return nil }
        guard let value = FieldReader.integer(json, slice) else {
            throw invalid(name, "must be an integer of at most 64 bits")
        }
        guard range.contains(value) else {
            if range.upperBound == Int.max { throw invalid(name, "must be at least \(range.lowerBound)") }
            throw invalid(name, "must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    static func integer(_ json: CheckedJSON, _ slice: JSONSlice) -> Int? {
        json.withBytes(of: slice) { bytes in
            integer(literal: bytes)
        }
    }

    static func integer(literal bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var value = 0
        guard bytes.count <= 18, bytes.count > 0 else {
            return JSONValue.number(String(decoding: bytes, as: UTF8.self)).intValue
        }
        for byte in bytes {
            let digit = byte &- 0x30
            guard digit <= 9 else { return JSONValue.number(String(decoding: bytes, as: UTF8.self)).intValue }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// A free-form object as text.
    func optionalObject(_ name: StaticString) throws -> [UInt8]? {
        try slice(name, .object).map { try copy($0, name) }
    }

    /// Any value but null, as text. `NaN` and the infinities are values: they stand for numbers and are stored as null.
    func optionalValue(_ name: StaticString) throws -> [UInt8]? {
        guard let slice = try slice(name) else { return nil }
        guard slice.kind != .null else { throw invalid(name, "must not be null; leave it out instead") }
        return try copy(slice, name)
    }

    private func copy(_ slice: JSONSlice, _ name: StaticString) throws -> [UInt8] {
        guard !json.isTooDeep(slice) else { throw invalid(name, CheckedJSON.tooDeep) }
        return json.copy(of: slice)
    }

    /// A value as a tree.
    func optionalTree(_ name: StaticString) throws -> JSONValue? {
        guard let slice = try slice(name) else { return nil }
        return try json.withBytes(of: slice) { bytes in
            // The text was checked: there is nothing else that can be wrong with it.
            do { return try JSONParser.parse(bytes) } catch { throw invalid(name, CheckedJSON.tooDeep) }
        }
    }

    /// A member that must be an object, to be read further.
    func object(_ name: StaticString, names: [StaticString]) throws -> FieldReader {
        let slice = try required(name, slice(name, .object))
        return FieldReader(json, in: slice, prefix: "\(prefix)\(name).", names: names)
    }
}
