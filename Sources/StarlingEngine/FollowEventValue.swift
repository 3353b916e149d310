/// The `value` of the events of a follow and of a request to follow: a request, who hears of it, and when in the second that
/// `third` says. In one event, so that no reader sees a request that is gone before the follow is there.
struct FollowEventValue {
    /// Who gets a notification.
    enum Notice: UInt64 {
        case nobody = 0
        /// Who is followed, or is asked.
        case followee = 1
        /// Whose request was accepted.
        case follower = 2
    }

    /// The number of the request; of a follow: of the one that it fulfils, or nil.
    let request: UInt32?
    let notice: Notice
    /// Beyond the second.
    let milliseconds: UInt64

    init(request: UInt32?, notice: Notice, sinceMilliseconds: UInt64) {
        self.request = request
        self.notice = notice
        milliseconds = sinceMilliseconds % 1_000
    }

    init(rawValue: UInt64) {
        request = rawValue & Self.hasRequest == 0 ? nil : UInt32(truncatingIfNeeded: rawValue)
        milliseconds = rawValue >> 33 & 1_023
        notice = Notice(rawValue: rawValue >> 43) ?? .nobody
    }

    var rawValue: UInt64 {
        notice.rawValue << 43 | milliseconds << 33 | (request.map { Self.hasRequest | UInt64($0) } ?? 0)
    }

    private static let hasRequest: UInt64 = 1 << 32
}

extension Event {
    /// When a follow or a request was, in milliseconds since 1970.
    var sinceMilliseconds: UInt64 { UInt64(third) * 1_000 + FollowEventValue(rawValue: value).milliseconds }
}
