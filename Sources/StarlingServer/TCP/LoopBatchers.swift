import NIOCore
import StarlingWire

/// What each event loop collects in one turn and hands over at once.
struct LoopBatchers: Sendable {
    /// The batchers of one event loop. Live there.
    struct Batchers {
        let feedPages: FeedPageBatcher
        let posts: PostBatcher
    }

    private let byLoop: [ObjectIdentifier: NIOLoopBoundBox<Batchers>]

    init(service: Service, group: any EventLoopGroup) {
        let encoder = FrameEncoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))
        byLoop = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                let make = {
                    Batchers(
                        feedPages: FeedPageBatcher(service: service, eventLoop: loop, encoder: encoder),
                        posts: PostBatcher(service: service, eventLoop: loop, encoder: encoder))
                }
                return (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(make(), eventLoop: loop))
            })
    }

    /// On the loop's thread.
    func batchers(of eventLoop: any EventLoop) -> Batchers {
        guard let box = byLoop[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a connection's event loop belongs to the listener's group")
        }
        return box.value
    }
}
