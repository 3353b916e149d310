import StarlingSchema
import SwiftProtobuf

/// A small schema with one service, built by hand, to see what a broken one leads to.
struct SchemaFixture {
    var methods: [Google_Protobuf_MethodDescriptorProto] = []
    var fields: [Google_Protobuf_FieldDescriptorProto] = [
        SchemaFixture.field("id", number: 1, .uint64), SchemaFixture.field("lsn", number: 2, .uint64),
        SchemaFixture.field("durability", number: 3, .uint32),
    ]

    static func field(
        _ name: String, number: Int32, _ type: Google_Protobuf_FieldDescriptorProto.TypeEnum
    ) -> Google_Protobuf_FieldDescriptorProto {
        .with {
            $0.name = name
            $0.jsonName = name
            $0.number = number
            $0.type = type
            $0.label = .optional
        }
    }

    /// Adds a method that takes and gives the one message.
    mutating func add(
        _ name: String, opcode: UInt32, get path: String,
        configure: (inout Google_Protobuf_MethodDescriptorProto) -> Void = { _ in }
    ) {
        var method = Google_Protobuf_MethodDescriptorProto()
        method.name = name
        method.inputType = ".test.Thing"
        method.outputType = ".test.Thing"
        method.options.Starling_V1_opcode = opcode
        method.options.Google_Api_http.get = path
        configure(&method)
        methods.append(method)
    }

    func serializedFiles() throws -> [UInt8] {
        let file = Google_Protobuf_FileDescriptorProto.with { file in
            file.name = "test.proto"
            file.package = "test"
            file.messageType = [
                .with {
                    $0.name = "Thing"
                    $0.field = fields
                }
            ]
            file.service = [
                .with {
                    $0.name = "Things"
                    $0.method = methods
                }
            ]
        }
        return try Google_Protobuf_FileDescriptorSet.with { $0.file = [file] }.serializedBytes()
    }

    func table() throws -> OperationTable {
        try OperationTable(schema: Schema(serializedFiles: serializedFiles()))
    }
}
