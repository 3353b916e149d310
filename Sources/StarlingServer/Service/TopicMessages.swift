import Foundation
import StarlingLog
import StarlingSchema
import StarlingTopics
import SwiftProtobuf

/// Topics and their records as the schema shows them.
enum TopicMessages {
    static func topic(_ topic: Topic) -> Starling_V1_Topic {
        .with {
            $0.name = topic.name.text
            $0.partitions = topic.partitions.map { partition in
                .with {
                    $0.partition = UInt32(partition.number)
                    $0.logStartOffset = partition.logStartOffset
                    $0.highWatermark = partition.highWatermark
                }
            }
            $0.retention = .with {
                $0.bytes = topic.settings.retention.bytes ?? 0
                $0.milliseconds = topic.settings.retention.milliseconds ?? 0
            }
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: topic.createdMilliseconds)
            $0.system = TopicName.system.contains(topic.name)
        }
    }

    /// 0 stands for no limit.
    static func policy(_ retention: Starling_V1_TopicRetention) -> RetentionPolicy {
        RetentionPolicy(
            bytes: retention.bytes == 0 ? nil : retention.bytes,
            milliseconds: retention.milliseconds == 0 ? nil : retention.milliseconds)
    }

    static func records(_ records: [Starling_V1_ProducedRecord]) throws(Problem) -> [NewTopicRecord] {
        var result: [NewTopicRecord] = []
        result.reserveCapacity(records.count)
        for (index, record) in records.enumerated() {
            var made = NewTopicRecord(
                key: record.hasKey ? Array(record.key) : nil, value: record.hasValue ? Array(record.value) : nil,
                headers: record.headers.map { RecordHeader(name: $0.name, value: Array($0.value)) })
            if record.hasTimestamp {
                guard let time = record.timestamp.milliseconds else {
                    throw .invalid("records[\(index)].timestamp", "it must lie between 1970 and 9999")
                }
                made.timestamp = time
            }
            result.append(made)
        }
        return result
    }

    static func fetched(_ fetched: FetchedRecords) -> Starling_V1_FetchResponse {
        .with {
            $0.records = fetched.records.map(record)
            $0.nextOffset = fetched.nextOffset
            $0.highWatermark = fetched.highWatermark
            $0.logStartOffset = fetched.logStartOffset
        }
    }

    private static func record(_ record: TopicRecord) -> Starling_V1_FetchedRecord {
        .with {
            $0.offset = record.offset
            $0.timestamp = Google_Protobuf_Timestamp(milliseconds: record.timestamp)
            if let key = record.key { $0.key = Data(key) }
            if let value = record.value { $0.value = Data(value) }
            $0.headers = record.headers.map { header in
                .with {
                    $0.name = header.name
                    $0.value = Data(header.value)
                }
            }
            $0.lost = record.isLost
        }
    }
}
