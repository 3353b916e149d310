import NIOCore
import StarlingLimits
import Synchronization

/// The open connections of the TCP listener.
final class Connections: Sendable {
    private let open = Mutex<[ObjectIdentifier: Entry]>([:])
    private let settings: DoorSettings
    private let admission: ConnectionAdmission

    private struct Entry: Sendable {
        var channel: any Channel
        var address: IPAddress
        var drain: @Sendable () -> Void
    }

    init(settings: DoorSettings, admission: ConnectionAdmission) {
        self.settings = settings
        self.admission = admission
    }

    var count: Int { open.withLock { $0.count } }

    /// Notes a connection. Returns why it cannot stay, or nil.
    func add(_ channel: any Channel, drain: @escaping @Sendable () -> Void) -> String? {
        let address = IPAddress(channel.remoteAddress) ?? IPAddress(ipv4: 0)
        let limit = settings.values.tcp.connections
        return open.withLock { open in
            guard open.count < limit else { return "too many connections; try again later" }
            switch admission.admit(address, now: DeadlineTimer.now) {
            case .admitted:
                open[ObjectIdentifier(channel)] = Entry(channel: channel, address: address, drain: drain)
                return nil
            case .tooManyFromAddress: return "too many connections from your address; use one for many requests"
            case .tooFast: return "connections come too fast; try again later"
            }
        }
    }

    func remove(_ channel: any Channel) {
        guard let entry = open.withLock({ $0.removeValue(forKey: ObjectIdentifier(channel)) }) else { return }
        admission.release(entry.address)
    }

    /// Asks each connection to end when its requests are answered.
    func drain() {
        for entry in open.withLock({ Array($0.values) }) { entry.channel.eventLoop.execute(entry.drain) }
    }

    func closeAll() {
        for entry in open.withLock({ Array($0.values) }) { entry.channel.close(promise: nil) }
    }
}
