import AgentOSCore
import AgentOSOutbound
import Testing

@Suite("Addresses and ranges")
struct AddressTests {
    @Test(
        "a range is read and holds what it should",
        arguments: [
            ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.9.9.9", true),
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("192.168.4.0/22", "192.168.7.255", true),
            ("192.168.4.0/22", "192.168.8.0", false), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fc00::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::/0", "::1", true), ("::1/128", "::1", true),
        ])
    func contains(range: String, address: String, expected: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(IPAddress(address))
        #expect(range.contains(address) == expected)
    }

    @Test(
        "what is no range is not read",
        arguments: [
            "", "/", "10", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8",
            "10.0.0.0/08x", "::1/129", "fe80::1%eth0/64", "[::1]/128", "example.com/8", "1.2.3.4 /8", "01.2.3.4",
            "10.0.0.0/0008",
        ])
    func refused(text: String) { #expect(AddressRange(text) == nil) }

    @Test("the allow list takes several ranges and spaces, and nothing")
    func allowList() throws {
        #expect(try OutboundPolicy(allowList: "").allowed.isEmpty)
        #expect(try OutboundPolicy(allowList: " 10.0.0.0/8 , ::1,127.0.0.0/8, ").allowed.count == 3)
    }

    @Test("a bad entry of the allow list is named")
    func badAllowList() {
        let error = #expect(throws: AgentOSError.self) { try OutboundPolicy(allowList: "10.0.0.0/8,intranet") }
        #expect(error?.code == .validation)
        #expect(error?.message.contains("intranet") == true)
    }

    @Test(
        "inner addresses are refused in every form",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
            "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1", "198.18.0.1",
            "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
            "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
            "2606:4700::5efe:10.0.0.1", "5f00::1", "100::1",
        ])
    func inner(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!OutboundPolicy().permits(address))
    }

    @Test(
        "public addresses are let through",
        arguments: [
            "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1",
            "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700:4700::1111", "2a00:1450::1",
            "2002:808:808::1",
        ])
    func outer(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(OutboundPolicy().permits(address))
    }

    @Test("an allowed IPv4 range also allows its mapped form, and nothing else")
    func allowedMapped() throws {
        let policy = try OutboundPolicy(allowList: "127.0.0.0/8")
        #expect(policy.permits(try #require(IPAddress("::ffff:127.0.0.1"))))
        #expect(!policy.permits(try #require(IPAddress("::1"))))
        #expect(!policy.permits(try #require(IPAddress("10.0.0.1"))))
    }
}
