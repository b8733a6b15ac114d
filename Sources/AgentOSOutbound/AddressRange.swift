/// A range of IP addresses in CIDR form, of one family.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    private let network: [UInt8]
    private let bits: Int

    /// Reads `10.0.0.0/8`, `fd00::/8`, or a bare address, which is a range of one. Bits behind the prefix are ignored.
    /// Nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        let width = address.bytes.count * 8
        var bits = width
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ $0 &- 0x30 <= 9 }),
                let given = Int(parts[1]), given <= width
            else { return nil }
            bits = given
        }
        self.bits = bits
        network = address.bytes.enumerated().map { $1 & Self.mask(byte: $0, bits: bits) }
    }

    public func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == network.count else { return false }
        for index in network.indices where address.bytes[index] & Self.mask(byte: index, bits: bits) != network[index] {
            return false
        }
        return true
    }

    public var description: String { "\(IPAddress(bytes: network).map(\.description) ?? "?")/\(bits)" }

    private static func mask(byte index: Int, bits: Int) -> UInt8 {
        let left = bits - index * 8
        return left >= 8 ? 0xff : left <= 0 ? 0 : 0xff << UInt8(8 - left)
    }
}
