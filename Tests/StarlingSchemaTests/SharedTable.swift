import StarlingSchema

/// The table of the embedded schema, built once for all tests.
enum SharedTable {
    private static let table = Result { try OperationTable() }

    static func get() throws -> OperationTable { try table.get() }
}
