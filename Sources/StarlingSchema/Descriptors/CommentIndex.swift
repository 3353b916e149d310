import SwiftProtobuf

/// The comments of one .proto file, found by the path of what they stand above.
///
/// Paths are those of `google.protobuf.SourceCodeInfo.Location`: field numbers of `FileDescriptorProto` and places in
/// its lists, in turns.
struct CommentIndex {
    private var commentByPath: [[Int32]: String] = [:]

    init(_ info: Google_Protobuf_SourceCodeInfo) {
        for location in info.location where location.hasLeadingComments {
            commentByPath[location.path] = Self.paragraphs(of: location.leadingComments)
        }
    }

    /// The comment above the thing at `path`. Empty if there is none.
    func comment(at path: [Int32]) -> String { commentByPath[path] ?? "" }

    /// Joins the lines of a paragraph. An empty line between paragraphs becomes one line break.
    private static func paragraphs(of comment: String) -> String {
        var paragraphs: [[Substring]] = [[]]
        for line in comment.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = line.drop { $0 == " " }
            if text.isEmpty {
                paragraphs.append([])
            } else {
                paragraphs[paragraphs.count - 1].append(text)
            }
        }
        return paragraphs.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }.joined(separator: "\n")
    }
}
