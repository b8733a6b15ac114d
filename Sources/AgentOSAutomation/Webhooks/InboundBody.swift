import AgentOSCore
import AgentOSWire
import Foundation

/// What a delivery says: its JSON where there is some, else its text.
struct InboundBody: Sendable {
    private let bytes: [UInt8]

    /// - Parameter contentType: of a form, the JSON in its `payload` is what counts, as GitHub sends it.
    init(_ bytes: [UInt8], contentType: String?) {
        self.bytes = Self.payload(bytes, contentType) ?? bytes
    }

    private static func payload(_ bytes: [UInt8], _ contentType: String?) -> [UInt8]? {
        guard contentType?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else { return nil }
        let name = Array("payload=".utf8)
        guard let pair = bytes.split(separator: UInt8(ascii: "&")).first(where: { $0.starts(with: name) }) else {
            return nil
        }
        let value = String(decoding: pair.dropFirst(name.count), as: UTF8.self)
            .replacingOccurrences(of: "+", with: "%20")
        guard let text = value.removingPercentEncoding, (try? JSONParser.parse(text)) != nil else { return nil }
        return Array(text.utf8)
    }

    /// What is no JSON, under a name of its own.
    private var wrapped: JSONValue { ["body": .string(String(decoding: bytes, as: UTF8.self))] }

    /// Where the paths of a template begin.
    var root: JSONValue { (try? JSONParser.parse(bytes)) ?? wrapped }

    /// The input of a run: a JSON object as it came, but for what no JSON may hold.
    var input: [UInt8] {
        let checked = bytes.withUnsafeBytes { try? CheckedJSON(object: $0, depth: JSONParser.maximumDepth) }
        return checked?.text ?? wrapped.encoded
    }
}
