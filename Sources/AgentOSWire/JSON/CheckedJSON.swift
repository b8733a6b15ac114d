import AgentOSCore
import CSimdJSON

/// A JSON text that was checked once, as a whole: grammar, escapes, UTF-8, depth. From here on its parts are slices.
///
/// `NaN`, the infinities and lone surrogates are replaced in whatever is copied out of it (contract 1.8), so what is
/// stored is valid JSON. Until then a bare word is told from `null`, which means something else.
public struct CheckedJSON: Sendable {
    /// Levels that lie around a value in a body: those of an event's payload, in the event, in the list, in the body.
    public static let envelopeDepth = 3
    static let tooDeep = "is nested deeper than \(JSONParser.maximumDepth) levels"

    /// The text, followed by the padding that simdjson may read.
    let bytes: [UInt8]
    public let count: Int
    /// How deep the whole is nested.
    private let depth: Int
    /// It holds bare words or lone surrogates.
    private let needsRewrite: Bool

    /// The text as JSON, without what follows it in memory.
    public var text: [UInt8] { copy(of: whole) }

    /// - Parameter depth: the deepest nesting that is taken.
    /// - Throws: `AgentOSError` VALIDATION_ERROR when the text is not one JSON object.
    public init(
        object text: UnsafeRawBufferPointer, depth: Int = JSONParser.maximumDepth + CheckedJSON.envelopeDepth
    ) throws {
        let input = text.bindMemory(to: UInt8.self)
        let empty: [UInt8] = [0]
        let check =
            input.baseAddress.map { aos_json_check($0, input.count, UInt32(depth)) }
            ?? empty.withUnsafeBufferPointer { aos_json_check($0.baseAddress, 0, 1) }
        guard check.problem == AOS_OK else { throw Self.error(for: check) }
        guard check.root == AOS_OBJECT else {
            throw AgentOSError(.validation, "The body must be a JSON object.")
        }
        let padding = aos_padding()
        count = input.count
        bytes = [UInt8](unsafeUninitializedCapacity: input.count + padding) { buffer, initialized in
            _ = buffer.initialize(from: input)
            buffer[input.count..<input.count + padding].initialize(repeating: 0x20)
            initialized = input.count + padding
        }
        self.depth = Int(check.depth)
        needsRewrite = check.needs_rewrite
    }

    private init(rewriting json: CheckedJSON) {
        let padding = aos_padding()
        bytes = json.rewritten(json.whole, padding: padding)
        count = bytes.count - padding
        depth = json.depth
        needsRewrite = false
    }

    /// The same with nothing in it but JSON, for who keeps parts of it as they lie in the text.
    func rewritten() -> CheckedJSON { needsRewrite ? CheckedJSON(rewriting: self) : self }

    private func rewritten(_ slice: JSONSlice, padding: Int) -> [UInt8] {
        withBytes(of: slice) { text in
            let bound = aos_json_rewrite_bound(text.count)
            return [UInt8](unsafeUninitializedCapacity: bound + padding) { buffer, initialized in
                let length = aos_json_rewrite(text.baseAddress, text.count, buffer.baseAddress)
                buffer[length..<length + padding].initialize(repeating: 0x20)
                initialized = length + padding
            }
        }
    }

    private static func error(for check: aos_check) -> AgentOSError {
        let problem =
            switch check.problem {
            case AOS_TRUNCATED: "it ends too early"
            case AOS_NOT_UTF8: "it is not UTF-8"
            case AOS_TOO_DEEP: "a value \(tooDeep)"
            case AOS_CONTROL_CHARACTER: "a string holds a raw control character"
            case AOS_BAD_ESCAPE: "a string holds an unknown escape"
            case AOS_TRAILING_TEXT: "there is text after the value"
            default: "a value or a separator is wrong"
            }
        let place = check.problem == AOS_NOT_UTF8 ? "" : " (byte \(check.offset))"
        return AgentOSError(.validation, "The body is not valid JSON: \(problem)\(place).")
    }

    /// Whole text as a slice.
    var whole: JSONSlice { JSONSlice(offset: 0, length: count, kind: .object) }

    func withBytes<R>(of slice: JSONSlice, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        try bytes.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[slice.offset..<slice.offset + slice.length]))
        }
    }

    /// A slice as JSON.
    func copy(of slice: JSONSlice) -> [UInt8] {
        needsRewrite
            ? rewritten(slice, padding: 0) : Array(bytes[slice.offset..<slice.offset + slice.length])
    }

    /// Whether a value is nested deeper than values may be. The envelope around it does not count.
    func isTooDeep(_ slice: JSONSlice) -> Bool {
        // Hardly any text is that deep as a whole.
        guard depth > JSONParser.maximumDepth else { return false }
        return withBytes(of: slice) { Int(aos_json_depth($0.baseAddress, $0.count)) > JSONParser.maximumDepth }
    }
}

/// A value's place in a checked text.
struct JSONSlice: Sendable {
    enum Kind: UInt8, Sendable {
        case missing, null, bool, number, string, array, object

        var phrase: String {
            switch self {
            case .missing: "nothing"
            case .null: "null"
            case .bool: "a boolean"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        }
    }

    let offset: Int
    let length: Int
    let kind: Kind
    /// A string with a backslash in it.
    var escaped = false
    /// The member was given more than once.
    var repeated = false

    init(offset: Int, length: Int, kind: Kind) {
        self.offset = offset
        self.length = length
        self.kind = kind
    }

    init(_ value: aos_value, base: Int = 0) {
        offset = Int(value.offset) + base
        length = Int(value.length)
        kind = Kind(rawValue: value.kind) ?? .missing
        escaped = value.escaped != 0
        repeated = value.repeated != 0
    }
}

extension CheckedJSON {
    /// The whole as a tree, for parameters that are looked at one by one. In it `NaN` and the infinities are numbers
    /// that no typed field takes, while `null` would mean that the field is not given, or is to be cleared.
    /// - Throws: VALIDATION_ERROR when a member is nested too deep.
    public func object() throws -> JSONObject {
        try withBytes(of: whole) { bytes in
            guard let object = (try? JSONParser.parse(bytes, depth: JSONParser.maximumDepth + 1))?.objectValue else {
                throw AgentOSError(.validation, "A value of the body \(Self.tooDeep).")
            }
            return object
        }
    }
}
