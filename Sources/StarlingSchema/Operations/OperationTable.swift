import SwiftProtobuf

/// All operations of the schema: the one place from which the front ends take routes, opcodes and types.
///
/// Immutable, so every thread may use one. Build it once, at start.
public struct OperationTable: Sendable {
    /// The messages that the operations use.
    public let schema: Schema
    /// The operations by ascending opcode.
    public let operations: [Operation]
    /// The routes of the public listener.
    public let routes: RouteTable
    /// The routes of the admin listener.
    public let adminRoutes: RouteTable

    private let indexByOpcode: [UInt16: Int]
    private let indexByName: [String: Int]

    /// The least opcode of an operation. Those below belong to the TCP protocol itself.
    public static let firstOpcode: UInt16 = 16

    /// The table of the schema that is embedded in this library.
    public init() throws(OperationTableError) {
        let schema: Schema
        do { schema = try Schema() } catch { throw .schema(error) }
        try self.init(schema: schema)
    }

    /// The table of another schema.
    public init(schema: Schema) throws(OperationTableError) {
        var operations: [Operation] = []
        for service in schema.services {
            for method in service.methods {
                operations.append(try OperationBuilder(schema: schema, service: service, method: method).operation())
            }
        }
        operations.sort { $0.opcode < $1.opcode }
        var indexByOpcode: [UInt16: Int] = [:]
        var indexByName: [String: Int] = [:]
        for (index, operation) in operations.enumerated() {
            if let other = indexByOpcode.updateValue(index, forKey: operation.opcode) {
                throw .duplicateOpcode(
                    opcode: operation.opcode, first: operations[other].fullName, second: operation.fullName)
            }
            if let other = indexByName.updateValue(index, forKey: operation.name) {
                throw .duplicateName(first: operations[other].fullName, second: operation.fullName)
            }
        }
        self.schema = schema
        self.operations = operations
        self.indexByOpcode = indexByOpcode
        self.indexByName = indexByName
        routes = try RouteTable(operations.filter { !$0.isAdmin })
        adminRoutes = try RouteTable(operations.filter(\.isAdmin))
    }

    /// The operation with this number in a TCP frame.
    public func operation(opcode: UInt16) -> Operation? { indexByOpcode[opcode].map { operations[$0] } }

    /// The operation with this short name: `Follow`.
    public func operation(named name: String) -> Operation? { indexByName[name].map { operations[$0] } }
}
