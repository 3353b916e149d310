import NIOCore
import StarlingLimits

/// The settings of who may connect, and how much each may ask for.
extension DaemonConfiguration {
    /// Those that doors go by for each new connection or request, and so can change while they are open.
    static let doorKeys = [
        "tcp.connections", "tcp.inFlight", "tcp.payloadBytes", "tcp.prefaceSeconds", "tcp.stalledSeconds",
        "tcp.idleSeconds", "tcp.frameGraceSeconds", "tcp.frameBytesPerSecond", "http.connections", "http.bodyBytes",
        "http.headerBytes", "http.idleSeconds", "http.headerSeconds", "http.bodyGraceSeconds",
        "http.bodyBytesPerSecond", "http.stalledSeconds", "http.trustedProxies", "http.corsOrigins",
    ]

    /// The settings whose value may be a list.
    public static let listKeys: Set<String> = [
        "rateLimits.rules", "http.trustedProxies", "http.corsOrigins", moderatorsKey,
    ]

    static let doorSettings: [Setting] = [
        .text("tls.certificate", \.tlsCertificate),
        .text("tls.key", \.tlsKey),
        .flag("admin.tls", \.adminTLS),
        .seconds("http.headerSeconds", \.httpLimits.header, 1...3_600),
        .seconds("http.bodyGraceSeconds", \.httpLimits.bodyGrace, 0...3_600),
        .number("http.bodyBytesPerSecond", \.httpLimits.bodyBytesPerSecond, 1...(1 << 30)),
        .seconds("http.stalledSeconds", \.httpLimits.stalled, 1...3_600),
        .seconds("tcp.prefaceSeconds", \.tcpLimits.prefaceTimeout, 1...3_600),
        .seconds("tcp.stalledSeconds", \.tcpLimits.stalledTimeout, 1...3_600),
        .seconds("tcp.idleSeconds", \.tcpLimits.idleTimeout, 1...86_400),
        .seconds("tcp.frameGraceSeconds", \.tcpLimits.frameGrace, 0...3_600),
        .number("tcp.frameBytesPerSecond", \.tcpLimits.frameBytesPerSecond, 1...(1 << 30)),
        .number("connections.perAddress", \.connectionLimits.perAddress, 1...1_000_000),
        .number("connections.perSecond", \.connectionLimits.perSecond, 0...1_000_000),
        .rateLimitRules,
        .number("rateLimits.keys", \.rateLimitKeys, 128...(1 << 24)),
        .number("rateLimits.saveSeconds", \.rateLimitSaveSeconds, 1...86_400),
        .list("http.trustedProxies", \.trustedProxies, "an address or a network such as 10.0.0.0/8", AddressRange.init),
        .list("http.corsOrigins", \.corsOrigins, "an origin such as https://example.org") {
            CrossOrigin.isOrigin($0) ? $0 : nil
        },
    ]
}

extension DaemonConfiguration.Setting {
    static func seconds(
        _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, TimeAmount> & Sendable,
        _ range: ClosedRange<Int64>
    ) -> Self {
        Self(key: key, read: { String($0[keyPath: path].nanoseconds / 1_000_000_000) }) { configuration, value in
            guard let number = Int64(value), range.contains(number) else {
                return "it must be a whole number of seconds from \(range.lowerBound) to \(range.upperBound)"
            }
            configuration[keyPath: path] = .seconds(number)
            return nil
        }
    }

    /// Values with commas between them.
    static func list<Element: CustomStringConvertible & SendableMetatype>(
        _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, [Element]> & Sendable, _ what: String,
        _ parse: @escaping @Sendable (String) -> Element?
    ) -> Self {
        Self(key: key, read: { $0[keyPath: path].map(\.description).joined(separator: ",") }) { configuration, value in
            var elements: [Element] = []
            for part in value.split(separator: ",") {
                guard let element = parse(String(part)) else { return "\(part) must be \(what)" }
                elements.append(element)
            }
            configuration[keyPath: path] = elements
            return nil
        }
    }

    static let rateLimitRules = Self(
        key: "rateLimits.rules", read: { RateLimitRulesText.text($0.rateLimitRules) },
        write: { configuration, value in
            do throws(RateLimitRuleError) {
                configuration.rateLimitRules = try RateLimitRulesText.parse(value)
                return nil
            } catch {
                return "\(error)"
            }
        })
}
