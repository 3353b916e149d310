import StarlingEngine

/// Batches of plain posts, as the model and the workload see them.
extension PostBatch {
    /// A batch of these posts, which have text and nothing that points to other posts.
    convenience init(of posts: [NewPost]) {
        self.init(capacity: posts.count)
        for post in posts {
            var text = post.text
            text.withUTF8 {
                append(
                    author: post.author, kind: post.kind, visibility: post.visibility, text: UnsafeRawBufferPointer($0))
            }
        }
    }

    /// The posts that it is made of.
    var posts: [NewPost] {
        rows.map { row in
            var post = NewPost(author: row.author, text: String(decoding: bytes[row.text], as: UTF8.self))
            post.kind = row.kind
            post.visibility = row.visibility
            return post
        }
    }
}

extension CommandOutcome {
    /// A batch's outcome as that of an import; any other as it is.
    var rowByRow: CommandOutcome {
        guard case .batch(let batch) = self else { return self }
        return .posts(
            batch.outcomes.map { outcome in
                switch outcome {
                case .created(let id, _): .success(id)
                case .refused(let error): .failure(error)
                }
            })
    }
}

extension Command {
    /// Whether the command may come with an idempotency key.
    var takesKey: Bool { if case .createPosts = self { false } else { true } }
}
