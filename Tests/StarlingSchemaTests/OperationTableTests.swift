import StarlingSchema
import Testing

/// What is written here is a promise to clients: a line may be added, none may change.
struct OperationTableTests {
    private let table: OperationTable

    init() throws { table = try SharedTable.get() }

    @Test func opcodesAreStable() {
        let golden: [UInt16: String] = [
            16: "Follow", 17: "Unfollow", 18: "Following", 19: "Followers", 20: "GetUser", 21: "FanoutMode",
            22: "BatchFollows", 23: "Relationship", 24: "FollowRequests", 25: "AcceptFollowRequest",
            26: "RejectFollowRequest", 27: "Block", 28: "Unblock", 29: "Mute", 30: "Unmute", 31: "Blocks", 32: "Mutes",
            48: "CreatePost", 49: "GetPost", 50: "GetPosts", 51: "DeletePost", 52: "UserPosts",
            53: "BatchPosts", 54: "Delivery", 55: "EditPost", 80: "Feed",
            96: "React", 97: "Unreact", 98: "Reactions", 99: "CreateComment", 100: "EditComment",
            101: "DeleteComment", 102: "Comments", 103: "GetComment", 104: "ReactToComment", 105: "UnreactToComment",
            140: "Notifications", 141: "MarkRead",
            160: "ListTopics", 161: "CreateTopic", 162: "Produce", 163: "Fetch",
            240: "Quiesce", 241: "StateDigest", 242: "GetConfig",
            243: "UpdateConfig",
            244: "TakeSnapshot", 245: "Backup", 246: "RotateKeys", 120: "Register", 121: "Login", 122: "Refresh",
            123: "Logout", 124: "KeySet", 125: "GetUsers", 126: "GetUserByUsername", 127: "UpdateUser",
            128: "DeleteUser", 129: "ExportUser",
        ]
        let actual = Dictionary(uniqueKeysWithValues: table.operations.map { ($0.opcode, $0.name) })
        #expect(actual == golden)
    }

    @Test func operationsAreOrderedByOpcode() {
        let opcodes = table.operations.map(\.opcode)
        #expect(opcodes == opcodes.sorted())
    }

    @Test func lookUpByOpcodeAndNameAgree() {
        for operation in table.operations {
            #expect(table.operation(opcode: operation.opcode)?.name == operation.name)
            #expect(table.operation(named: operation.name)?.opcode == operation.opcode)
        }
        #expect(table.operation(opcode: 1) == nil)
        #expect(table.operation(named: "follow") == nil)
    }

    @Test func writesAreMarked() {
        let writes = table.operations.filter(\.isWrite).map(\.name)
        #expect(
            writes == [
                "Follow", "Unfollow", "BatchFollows", "AcceptFollowRequest", "RejectFollowRequest", "Block", "Unblock",
                "Mute", "Unmute", "CreatePost", "DeletePost", "BatchPosts", "EditPost", "React",
                "Unreact", "CreateComment", "EditComment", "DeleteComment", "ReactToComment", "UnreactToComment",
                "Register", "UpdateUser", "DeleteUser", "MarkRead",
            ])
    }

    /// What needs no token where the server runs with authentication; everything that is not here does.
    @Test func anonymousOperationsAreFew() {
        let anonymous = table.operations.filter(\.isAnonymous).map(\.name)
        #expect(
            anonymous == [
                "Following", "Followers", "GetUser", "FanoutMode", "GetPost", "GetPosts", "UserPosts", "Delivery",
                "Register",
                "Login", "Refresh", "Logout", "KeySet", "GetUsers", "GetUserByUsername",
            ])
        #expect(table.operations.allSatisfy { !($0.isAnonymous && $0.isAdmin) })
    }

    @Test func everyWriteAnswersWithItsPlaceInTheLog() {
        for operation in table.operations where operation.isWrite {
            #expect(operation.output.field(named: "lsn")?.hasPresence == false, "\(operation.name)")
            #expect(operation.output.field(named: "durability")?.hasPresence == false, "\(operation.name)")
        }
    }

    @Test func onlyCreationAnswers201() {
        let created = table.operations.filter { $0.successStatus != 200 }
        #expect(created.map(\.name) == ["CreatePost", "CreateComment", "Register"])
        #expect(created.map(\.successStatus) == [201, 201, 201])
        #expect(
            created.map { $0.location?.text } == [
                "/v1/posts/{post.id}", "/v1/comments/{comment.id}", "/v1/users/{user.id}",
            ])
    }

    @Test func everyPageHasTheSameBounds() {
        let paged = table.operations.filter { $0.input.field(named: "limit") != nil }
        let names = [
            "Following", "Followers", "FollowRequests", "Blocks", "Mutes", "UserPosts", "Feed", "Reactions", "Comments",
            "Notifications",
        ]
        #expect(paged.map(\.name) == names)
        for operation in paged {
            #expect(operation.input.field(named: "limit")?.limits.minimum == 1, "\(operation.name)")
            #expect(operation.input.field(named: "limit")?.limits.maximum == 200, "\(operation.name)")
            #expect(operation.output.field(named: "next_cursor")?.hasPresence == true, "\(operation.name)")
        }
    }

    @Test func everyMessageFieldAndOperationIsDescribed() {
        for operation in table.operations {
            #expect(!operation.comment.isEmpty, "\(operation.fullName)")
            for message in [operation.input, operation.output] {
                #expect(!message.comment.isEmpty, "\(message.fullName)")
                for field in message.fields { #expect(!field.comment.isEmpty, "\(message.fullName).\(field.name)") }
            }
        }
    }
}
