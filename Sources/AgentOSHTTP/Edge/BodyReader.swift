import AgentOSCore
import AgentOSWire
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Reads request bodies within a limit each and a budget for all.
final class BodyReader: Sendable {
    private let budget: Int
    private let inFlight = Mutex(0)

    init(budget: Int) { self.budget = budget }

    var bytesInFlight: Int { inFlight.withLock { $0 } }

    /// Reads a whole body and checks that it is one JSON object. The budget is held until `use` returns.
    /// - Throws: PAYLOAD_TOO_LARGE, VALIDATION_ERROR, RATE_LIMITED when too many bytes are in flight already.
    func withObject<R>(
        of request: Request, limit: Int, _ use: (CheckedJSON) async throws -> R
    ) async throws -> R {
        var held = 0
        defer { release(held) }
        let body = try await collect(request, limit: limit, &held)
        let json: CheckedJSON
        switch request.headers[.contentEncoding]?.lowercased() {
        case nil, "", "identity":
            json = try body.withUnsafeReadableBytes { try CheckedJSON(object: $0) }
        case "gzip", "x-gzip":
            let plain = try body.withUnsafeReadableBytes { try Gunzip.unpack($0, limit: limit) }
            try reserve(plain.count, &held)
            json = try plain.withUnsafeBytes { try CheckedJSON(object: $0) }
        default:
            throw AgentOSError.invalid("content-encoding", "must be gzip or identity")
        }
        return try await use(json)
    }

    /// Reads a whole body that is not compressed. The budget is held until `use` returns.
    /// - Throws: PAYLOAD_TOO_LARGE, RATE_LIMITED
    func withBytes<R>(of request: Request, limit: Int, _ use: ([UInt8]) async throws -> R) async throws -> R {
        var held = 0
        defer { release(held) }
        let body = try await collect(request, limit: limit, &held)
        return try await use(Array(body.readableBytesView))
    }

    private func collect(_ request: Request, limit: Int, _ held: inout Int) async throws -> ByteBuffer {
        if let text = request.headers[.contentLength], let length = Int(text), length > limit {
            throw Self.tooLarge(limit)
        }
        var whole = ByteBuffer()
        for try await var part in request.body {
            try reserve(part.readableBytes, &held)
            guard whole.readableBytes + part.readableBytes <= limit else { throw Self.tooLarge(limit) }
            if whole.readableBytes == 0 { whole = part } else { whole.writeBuffer(&part) }
        }
        return whole
    }

    private static func tooLarge(_ limit: Int) -> AgentOSError {
        AgentOSError(.payloadTooLarge, "The body is larger than \(limit) bytes.")
    }

    private func reserve(_ bytes: Int, _ held: inout Int) throws {
        let fits = inFlight.withLock { total in
            guard total + bytes <= budget else { return false }
            total += bytes
            return true
        }
        guard fits else {
            throw AgentOSError(.rateLimited, "Too many bytes are being received at once; try again.", retryAfter: 1)
        }
        held += bytes
    }

    private func release(_ bytes: Int) {
        if bytes > 0 { inFlight.withLock { $0 -= bytes } }
    }
}
