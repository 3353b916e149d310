import StarlingLimits
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:0201", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1"), ("2001:0DB8:0:0::1", "2001:db8:0:0:0:0:0:1"),
        ("::", "0:0:0:0:0:0:0:0"),
    ])
    func oneFormForEachAddress(text: String, shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == shown)
        #expect(IPAddress(shown) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "fe80::1%eth0", "g::1", "::1::",
        "x",
        "1.2.3.4\u{0}",
    ])
    func textThatIsNoAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    /// All addresses that one subscriber of IPv6 has count as one; the next network's do not.
    @Test func subscribersOfIPv6AreNetworks() throws {
        let first = try #require(IPAddress("2001:db8:0:7::1"))
        let last = try #require(IPAddress("2001:db8:0:7:ffff:ffff:ffff:ffff"))
        let next = try #require(IPAddress("2001:db8:0:8::"))
        #expect(first != last && first.subscriber == last.subscriber && first.subscriber != next.subscriber)
        let (one, two) = (try #require(IPAddress("192.0.2.1")), try #require(IPAddress("192.0.2.2")))
        #expect(one.subscriber == one && one.subscriber != two.subscriber)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("::/0", "2001:db8::1", true), ("::1", "::1", true), ("192.0.2.0/31", "192.0.2.1", true),
        ("192.0.2.0/31", "192.0.2.2", false), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
    ])
    func rangesContain(range: String, address: String, expected: Bool) throws {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(IPAddress(address))) == expected)
        #expect(AddressRange(range.description) == range)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "a/8",
    ])
    func rangesThatAreNone(text: String) {
        #expect(AddressRange(text) == nil)
    }

    /// Only what a trusted proxy has written is believed, however much stands before it.
    @Test(arguments: [
        ("198.51.100.9", ["203.0.113.5"], "198.51.100.9"), ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"), ("10.0.0.1", ["1.1.1.1, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        ("10.0.0.1", ["10.9.9.9, 10.0.0.2"], "10.9.9.9"), ("10.0.0.1", ["203.0.113.5, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 203.0.113.5"], "203.0.113.5"), ("10.0.0.1", ["203.0.113.5, "], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"), ("10.0.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"), ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    ])
    func forwardedAddresses(peer: String, forwarded: [String], expected: String) throws {
        let trusted = [try #require(AddressRange("10.0.0.0/8"))]
        let client = ForwardedAddress.client(
            peer: try #require(IPAddress(peer)), forwarded: forwarded, trusted: trusted)
        #expect(client == IPAddress(expected))
        let alone = ForwardedAddress.client(peer: try #require(IPAddress(peer)), forwarded: forwarded, trusted: [])
        #expect(alone == IPAddress(peer), "nobody is trusted by default")
    }
}
