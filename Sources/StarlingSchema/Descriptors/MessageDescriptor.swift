/// The messages of Google's own files that have a JSON form of their own.
public enum WellKnownMessage: Sendable {
    /// `google.protobuf.Timestamp`: an RFC 3339 string.
    case timestamp
}

/// One message of the schema. Immutable; a class, because the hot paths pass it on and copying one reference is cheap.
public final class MessageDescriptor: Sendable {
    /// The name with its package: `starling.v1.FollowRequest`.
    public let fullName: String
    /// The name alone: `FollowRequest`.
    public let name: String
    /// The fields by ascending number. At most 64.
    public let fields: [FieldDescriptor]
    /// Whether it is the entry of a map: key in field 1, value in field 2.
    public let isMapEntry: Bool
    /// Set if JSON shows the message in a form of its own.
    public let wellKnown: WellKnownMessage?
    /// The comment above it in the .proto file.
    public let comment: String

    private let indexByName: [String: Int]

    /// The most fields of a message. It lets a set of fields be one 64-bit word.
    static let maxFields = 64

    init(
        fullName: String, fields: [FieldDescriptor], isMapEntry: Bool, wellKnown: WellKnownMessage?, comment: String
    ) {
        self.fullName = fullName
        self.name = String(fullName.split(separator: ".").last ?? "")
        self.fields = fields.sorted { $0.number < $1.number }
        self.isMapEntry = isMapEntry
        self.wellKnown = wellKnown
        self.comment = comment
        var indexByName: [String: Int] = [:]
        for (index, field) in self.fields.enumerated() {
            indexByName[field.name] = index
            indexByName[field.jsonName] = index
        }
        self.indexByName = indexByName
    }

    /// The field with this name, in snake case or lower camel case.
    public func field(named name: String) -> FieldDescriptor? {
        indexByName[name].map { fields[$0] }
    }

    /// The field with this number on the wire.
    public func field(number: Int) -> FieldDescriptor? {
        index(ofField: number).map { fields[$0] }
    }

    /// The place in `fields` of the field with this name.
    func index(named name: String) -> Int? { indexByName[name] }

    /// The place in `fields` of the field with this number. Most messages number their fields without gaps from 1,
    /// so the first guess is nearly always right.
    func index(ofField number: Int) -> Int? {
        if number >= 1, number <= fields.count, fields[number - 1].number == number { return number - 1 }
        return fields.firstIndex { $0.number == number }
    }
}
