import AgentOSCore

/// The body of a row of `event_chunks`: events as they came, with their lengths and times of receipt.
///
/// Before compression: version byte 1; varint number of events; varint number of receipt groups; for each group varint
/// count and 8 bytes of microseconds, little-endian; varint length of each event; the events' bytes one after another.
enum ChunkBody {
    private static let version: UInt8 = 1

    struct Group {
        var count: Int
        var createdAt: Int64
    }

    /// A decoded body.
    struct Decoded {
        let bytes: [UInt8]
        /// Where event n starts; one more entry marks the end.
        let offsets: [Int]
        let groups: [Group]

        var count: Int { offsets.count - 1 }

        func raw(_ index: Int) -> ArraySlice<UInt8> { bytes[offsets[index]..<offsets[index + 1]] }

        func createdAt(_ index: Int) -> Int64 {
            var passed = 0
            for group in groups {
                passed += group.count
                if index < passed { return group.createdAt }
            }
            return groups.last?.createdAt ?? 0
        }
    }

    static func encode(lengths: [Int], groups: [Group], size: Int, _ appendEvents: (inout [UInt8]) -> Void) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(size + lengths.count * 2 + groups.count * 12 + 16)
        out.append(version)
        append(lengths.count, to: &out)
        append(groups.count, to: &out)
        for group in groups {
            append(group.count, to: &out)
            withUnsafeBytes(of: group.createdAt.littleEndian) { out.append(contentsOf: $0) }
        }
        for length in lengths { append(length, to: &out) }
        appendEvents(&out)
        return out
    }

    static func decode(_ compressed: [UInt8]) throws -> Decoded {
        let bytes = try Zstd.decompress(compressed)
        var position = 0
        func varint() throws -> Int {
            var value = 0
            var shift = 0
            while position < bytes.count, shift < 56 {
                let byte = bytes[position]
                position += 1
                value |= Int(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            throw StoreError.damaged("an event chunk")
        }
        guard bytes.first == version else { throw StoreError.damaged("an event chunk") }
        position = 1
        let count = try varint()
        let groupCount = try varint()
        guard count <= bytes.count, groupCount <= count else { throw StoreError.damaged("an event chunk") }
        var groups: [Group] = []
        for _ in 0..<groupCount {
            let size = try varint()
            guard position + 8 <= bytes.count else { throw StoreError.damaged("an event chunk") }
            var time: UInt64 = 0
            for index in 0..<8 { time |= UInt64(bytes[position + index]) << UInt64(index * 8) }
            position += 8
            groups.append(Group(count: size, createdAt: Int64(bitPattern: time)))
        }
        var lengths: [Int] = []
        lengths.reserveCapacity(count)
        for _ in 0..<count { lengths.append(try varint()) }
        var offsets: [Int] = []
        offsets.reserveCapacity(count + 1)
        var offset = position
        for length in lengths {
            offsets.append(offset)
            offset += length
        }
        offsets.append(offset)
        guard offset == bytes.count else { throw StoreError.damaged("an event chunk") }
        return Decoded(bytes: bytes, offsets: offsets, groups: groups)
    }

    private static func append(_ value: Int, to out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// The digests column: 8 bytes an event, little-endian. The lowest bit of the flags says that the chunk holds spans.
enum ChunkDigests {
    static let hasSpans: Int64 = 1
    /// A segment made of several chunks.
    static let merged: Int64 = 2

    static func encode(_ digests: [UInt64]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: digests.count * 8) { buffer, count in
            for (index, digest) in digests.enumerated() {
                UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped)
                    .storeBytes(of: digest.littleEndian, toByteOffset: index * 8, as: UInt64.self)
            }
            count = digests.count * 8
        }
    }

    static func decode(_ bytes: [UInt8]) -> [UInt64] {
        bytes.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }
}
