import AgentOSCore
import NIOCore
import NIOPosix

/// An answer as it came over the wire. `body` has the chunks of a stream joined.
public struct RawAnswer: Sendable {
    public var status = 0
    /// Names in lower case.
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8] = []
    /// Whether everything has come.
    public var isComplete = false

    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    public var text: String { String(decoding: body, as: UTF8.self) }
    public var json: JSONValue { (try? JSONParser.parse(body, depth: JSONParser.documentDepth)) ?? .null }
    public var data: JSONValue { json["data"] ?? .null }
    public var errorCode: String? { json["error"]?["code"]?.stringValue }

    /// The `data:` lines of an event stream.
    public var frames: [JSONValue] {
        text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
            .compactMap { try? JSONParser.parse(String($0.dropFirst(6)), depth: JSONParser.documentDepth) }
    }
}

/// Sends one request over a fresh connection and reads the answer by hand, so that nothing between the test and the
/// wire is clever. The connection is closed when the answer is complete, or when `isEnough` says so.
public func rawRequest(
    port: Int, method: String, path: String, headers: [(String, String)], body: [UInt8],
    until isEnough: @escaping @Sendable (RawAnswer) -> Bool = { _ in false }
) async throws -> RawAnswer {
    var head = "\(method) \(path) HTTP/1.1\r\nhost: 127.0.0.1:\(port)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if !headers.contains(where: { $0.0 == "content-length" || $0.0 == "transfer-encoding" }) {
        head += "content-length: \(body.count)\r\n"
    }
    var request = ByteBuffer(string: head + "\r\n")
    request.writeBytes(body)
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    let bytes = request
    return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(bytes)
        var received: [UInt8] = []
        var answer = RawAnswer()
        for try await part in inbound {
            received.append(contentsOf: part.readableBytesView)
            answer = parsed(received)
            if answer.isComplete || isEnough(answer) { return answer }
        }
        return answer
    }
}

private func parsed(_ bytes: [UInt8]) -> RawAnswer {
    var answer = RawAnswer()
    guard let end = firstBlankLine(bytes) else { return answer }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    answer.status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        answer.headers.append((parts[0].lowercased(), parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""))
    }
    let rest = bytes[(end + 4)...]
    if let length = answer.header("content-length").flatMap({ Int($0) }) {
        answer.body = Array(rest.prefix(length))
        answer.isComplete = rest.count >= length
    } else if answer.header("transfer-encoding") == "chunked" {
        (answer.body, answer.isComplete) = unchunked(rest)
    }
    return answer
}

private func firstBlankLine(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    let blank: [UInt8] = [13, 10, 13, 10]
    return (0...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual(blank) }
}

private func unchunked(_ bytes: ArraySlice<UInt8>) -> ([UInt8], Bool) {
    var out: [UInt8] = []
    var rest = bytes
    while let line = rest.firstIndex(of: 13) {
        guard let size = Int(String(decoding: rest[..<line], as: UTF8.self), radix: 16) else { return (out, false) }
        if size == 0 { return (out, true) }
        let start = line + 2
        guard start + size + 2 <= rest.endIndex else { return (out, false) }
        out += rest[start..<start + size]
        rest = rest[(start + size + 2)...]
    }
    return (out, false)
}
