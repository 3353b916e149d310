import StarlingSchema
import SwiftProtobuf
import Testing

/// The types of fields that no message of ours has yet.
struct ScalarTypesTests {
    private func payload(
        _ type: Google_Protobuf_FieldDescriptorProto.TypeEnum, _ json: String
    ) throws -> [UInt8] {
        var fixture = SchemaFixture()
        fixture.fields.append(SchemaFixture.field("value", number: 4, type))
        fixture.add("A", opcode: 16, get: "/a") { method in
            method.options.Google_Api_http.post = "/a"
            method.options.Google_Api_http.body = "*"
        }
        let table = try fixture.table()
        guard case .found(let route) = table.routes.match(method: "POST", path: "/a") else {
            throw BindingFixture.NoRoute()
        }
        let body = Array("{\"value\":\(json)}".utf8)
        return try RequestBinding(schema: table.schema).payload(route: route, query: "", body: body)
    }

    private static let minusOne = [UInt8](repeating: 0xff, count: 9) + [0x01]

    @Test(
        arguments: [
            (.int32, "-1", [0x20] + minusOne), (.int32, "2147483647", [0x20, 0xff, 0xff, 0xff, 0xff, 0x07]),
            (.sint32, "-1", [0x20, 0x01]), (.sint32, "-2147483648", [0x20, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            (.sfixed32, "-2", [0x25, 0xfe, 0xff, 0xff, 0xff]), (.int64, "\"-1\"", [0x20] + minusOne),
            (.sint64, "-9223372036854775808", [0x20] + minusOne), (.sint64, "1", [0x20, 0x02]),
            (.sfixed64, "-1", [0x21] + [UInt8](repeating: 0xff, count: 8)), (.fixed32, "258", [0x25, 2, 1, 0, 0]),
            (.double, "0.5", [0x21, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]),
            (.double, "\"-1e0\"", [0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf]),
            (.float, "1", [0x25, 0, 0, 0x80, 0x3f]), (.bool, "true", [0x20, 1]), (.bool, "false", [0x20, 0]),
            (.bytes, "\"\"", [0x22, 0]), (.bytes, "\"YQ==\"", [0x22, 1, 0x61]),
            (.bytes, "\"YWI\"", [0x22, 2, 0x61, 0x62]),
            (.bytes, "\"-_+/\"", [0x22, 3, 0xfb, 0xff, 0xbf]),
        ] as [(Google_Protobuf_FieldDescriptorProto.TypeEnum, String, [UInt8])])
    func value(type: Google_Protobuf_FieldDescriptorProto.TypeEnum, json: String, bytes: [UInt8]) throws {
        #expect(try payload(type, json) == bytes)
    }

    @Test(
        arguments: [
            (.int32, "2147483648"), (.int32, "-2147483649"), (.sint32, "1e10"), (.sfixed32, "-2147483649"),
            (.int64, "9223372036854775808"), (.int64, "-9223372036854775809"), (.sint64, "-18446744073709551615"),
            (.fixed32, "4294967296"), (.uint32, "-1"), (.double, "1e999"), (.double, "\"inf\""), (.double, "\"0x1p3\""),
            (.double, "\"\""), (.float, "1e39"), (.bool, "1"), (.bool, "\"true\""), (.bytes, "\"a\""),
            (.bytes, "\"YR\""),
            (.bytes, "\"Y===\""), (.bytes, "\"YQ=\""), (.bytes, "\"Y Q=\""), (.bytes, "\"=YQ=\""),
        ] as [(Google_Protobuf_FieldDescriptorProto.TypeEnum, String)])
    func noValue(type: Google_Protobuf_FieldDescriptorProto.TypeEnum, json: String) {
        #expect(throws: BindingError.self) { try payload(type, json) }
    }
}
