import StarlingLimits
import Synchronization

/// What the doors go by and can be told anew while they are open. Any thread may read.
final class DoorSettings: Sendable {
    /// The settings.
    struct Values: Sendable {
        var http: HTTPLimits
        var tcp: TCPLimits
        /// Whose `X-Forwarded-For` is believed.
        var trustedProxies: [AddressRange]
        var crossOrigin: CrossOrigin
    }

    private let content: Mutex<Values>

    init(_ configuration: DaemonConfiguration) { content = Mutex(Values(configuration)) }

    var values: Values { content.withLock { $0 } }

    /// Connections that are open keep the limits that they were opened with; requests from now on go by the rest.
    func set(_ configuration: DaemonConfiguration) {
        content.withLock { $0 = Values(configuration) }
    }
}

extension DoorSettings.Values {
    fileprivate init(_ configuration: DaemonConfiguration) {
        http = configuration.httpLimits
        tcp = configuration.tcpLimits
        trustedProxies = configuration.trustedProxies
        crossOrigin = CrossOrigin(origins: Set(configuration.corsOrigins))
    }
}
