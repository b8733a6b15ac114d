#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An IPv4 or IPv6 address as numbers, so that ranges are compared and never spelled.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes, in network order.
    public let bytes: [UInt8]

    public var isV4: Bool { bytes.count == 4 }

    /// Nil unless there are 4 or 16 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Reads the canonical spellings only: four decimal numbers, or RFC 4291 text without brackets and zone.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            bytes = withUnsafeBytes(of: &v4) { Array($0) }
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        bytes = withUnsafeBytes(of: &v6) { Array($0) }
    }

    /// The canonical spelling, without brackets.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: 64)
        let family = isV4 ? AF_INET : AF_INET6
        let written = bytes.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &buffer, socklen_t(buffer.count)) }
        guard written != nil else { return "?" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The IPv4 address that an IPv6 address stands for or leads to: mapped, compatible, translated (NAT64), 6to4 and
    /// ISATAP. Nil for all others.
    public var embeddedV4: IPAddress? {
        guard !isV4 else { return nil }
        func part(_ start: Int) -> IPAddress? { IPAddress(bytes: Array(bytes[start..<start + 4])) }
        let leadingZeros = bytes.prefix { $0 == 0 }.count
        if leadingZeros >= 12 { return part(12) }
        if leadingZeros == 10, bytes[10] == 0xff, bytes[11] == 0xff { return part(12) }
        // IPv4-translated, ::ffff:0:a.b.c.d (RFC 2765).
        if leadingZeros == 8, bytes[8] == 0xff, bytes[9] == 0xff, bytes[10] == 0, bytes[11] == 0 { return part(12) }
        if bytes[0..<12].elementsEqual([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) { return part(12) }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return part(2) }
        if bytes[8] & 0xfd == 0, bytes[9] == 0, bytes[10] == 0x5e, bytes[11] == 0xfe { return part(12) }
        return nil
    }

    /// Whether this is `::ffff:a.b.c.d`, which the system treats as the IPv4 address itself.
    var isMappedV4: Bool {
        !isV4 && bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
    }

    /// Whether this is an address of the well-known NAT64 prefix `64:ff9b::/96`.
    var isNAT64: Bool {
        !isV4 && bytes[0..<12].elementsEqual([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}
