import AgentOSCore
import CZlib

/// Unpacks a gzip body, up to a limit: what it unpacks to is bounded before it is allocated.
public enum Gunzip {
    /// - Throws: VALIDATION_ERROR when it is not gzip or is cut off; PAYLOAD_TOO_LARGE over the limit.
    public static func unpack(_ input: UnsafeRawBufferPointer, limit: Int) throws -> [UInt8] {
        var stream = z_stream()
        // 15 window bits; 16 more: gzip and nothing else.
        guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw AgentOSError(.unavailable, "Out of memory.", retryAfter: 1)
        }
        defer { inflateEnd(&stream) }
        var out: [UInt8] = []
        let block = 64 << 10
        var status: Int32 = Z_OK
        stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(input.count)
        while status == Z_OK {
            let room = min(block, limit - out.count + 1)
            let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(room)
                status = inflate(&stream, Z_NO_FLUSH)
                count = room - Int(stream.avail_out)
            }
            out.append(contentsOf: part)
            guard out.count <= limit else {
                throw AgentOSError(.payloadTooLarge, "The unpacked body is larger than \(limit) bytes.")
            }
            if status == Z_OK, part.isEmpty { status = Z_BUF_ERROR }
        }
        guard status == Z_STREAM_END, stream.avail_in == 0 else {
            throw AgentOSError(.validation, "The body is not valid gzip, as content-encoding says.")
        }
        return out
    }
}
