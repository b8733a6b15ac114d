import AgentOSCore

/// Which addresses the server may reach on behalf of its users.
///
/// Everything that is not a public unicast address is refused: loopback, private, link-local (with the metadata
/// services of the clouds), shared, reserved and documentation ranges, multicast, and every IPv6 form that leads to
/// such an IPv4 address. `allowed` makes exceptions.
public struct OutboundPolicy: Sendable, Hashable {
    public var allowed: [AddressRange]

    public init(allowed: [AddressRange] = []) { self.allowed = allowed }

    /// Reads the value of `AGENTOS_OUTBOUND_ALLOW`: CIDR ranges or addresses between commas, or nothing.
    /// - Throws: `AgentOSError` with code `validation` that names the entry.
    public init(allowList: String) throws(AgentOSError) {
        var ranges: [AddressRange] = []
        for entry in allowList.split(separator: ",") {
            let text = entry.trimmingSpaces
            guard !text.isEmpty else { continue }
            guard let range = AddressRange(text) else {
                throw .invalid(
                    "AGENTOS_OUTBOUND_ALLOW", "\"\(text)\" is not an address range such as 10.0.0.0/8 or fd00::/8")
            }
            ranges.append(range)
        }
        allowed = ranges
    }

    /// Whether the operator allowed this very address, public or not.
    func names(_ address: IPAddress) -> Bool { allowed.contains { $0.contains(address) } }

    /// Whether a connection to this address may be made.
    public func permits(_ address: IPAddress) -> Bool {
        if names(address) { return true }
        if address.isV4 { return !Self.innerV4.contains { $0.contains(address) } }
        if address.isMappedV4 || address.isNAT64 { return address.embeddedV4.map(permits) ?? false }
        guard Self.globalV6.contains(where: { $0.contains(address) }),
            !Self.specialV6.contains(where: { $0.contains(address) })
        else { return false }
        return address.embeddedV4.map(permits) ?? true
    }

    /// - Throws: `OutboundError` of kind `refusedAddress` when `permits` is false.
    public func check(_ address: IPAddress) throws(OutboundError) {
        guard permits(address) else {
            throw OutboundError(
                .refusedAddress, "The address \(address) is not public; the server does not call inner addresses.")
        }
    }

    private static func ranges(_ texts: String...) -> [AddressRange] { texts.compactMap { AddressRange($0) } }

    private static let innerV4 = ranges(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4")

    /// What IANA has opened for global unicast: loopback, unique-local, link-local and multicast lie outside.
    private static let globalV6 = ranges("2000::/3")

    /// Inside global unicast, but not for calling: protocol assignments (with Teredo), documentation.
    private static let specialV6 = ranges("2001::/23", "2001:db8::/32", "3fff::/20")
}

extension Substring {
    /// The text without white space at its ends.
    var trimmingSpaces: String {
        var text = self
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
