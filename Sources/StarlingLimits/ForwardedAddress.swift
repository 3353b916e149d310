/// Finds who is behind a proxy.
public enum ForwardedAddress {
    /// The address of the client of a request that came from `peer` with these values of `X-Forwarded-For`, in their order.
    ///
    /// Each proxy writes the address that it saw behind the others. So the list is read from its end as long as the one who
    /// wrote the entry is trusted; what lies before that anybody may have made up. An entry that is no address ends the
    /// search: then it is the last trusted proxy's request.
    public static func client(peer: IPAddress, forwarded: [String], trusted: [AddressRange]) -> IPAddress {
        var client = peer
        guard !trusted.isEmpty else { return client }
        let entries = forwarded.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for entry in entries.reversed() {
            guard trusted.contains(where: { $0.contains(client) }), let address = address(in: entry) else { break }
            client = address
        }
        return client
    }

    /// `ADDRESS`, `IPV4:PORT` or `[IPV6]:PORT`.
    private static func address(in entry: Substring) -> IPAddress? {
        var text = entry
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return IPAddress(String(text[text.index(after: text.startIndex)..<end]))
        }
        if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon { text = text[..<colon] }
        return IPAddress(String(text))
    }
}
