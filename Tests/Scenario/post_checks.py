"""Posts by id and by author, as different people see them, and what was done with them."""

from __future__ import annotations

from differences import list_difference
from examination import Examination
from model import Post
from post_message import PostMessages

# As many fit into the longest header that is accepted, with room for the rest.
IDS_AT_ONCE = 400


def check_posts(look: Examination) -> None:
    """Who may see which post, and what it shows."""
    messages = PostMessages(look.model, look.parts)
    viewers = [*look.sample(look.model.living, look.viewers, "viewers"), 0]
    ids = list(look.model.posts)
    pieces = [ids[start:start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]
    look.each(
        [(viewer, piece) for viewer in viewers for piece in pieces],
        lambda pair: _check_many(look, messages, pair[0], pair[1]))
    some = look.random("single posts").sample(ids, min(len(ids), 4 * look.viewers))
    look.each(some, lambda id: _check_one(look, messages, id))
    look.each(look.model.users, lambda author: _check_author(look, messages, author))


def _check_many(look: Examination, messages: PostMessages, viewer: int, ids: list[int]) -> None:
    answer = look.gateway.read("/v1/posts?ids=" + ",".join(map(str, ids)), viewer)
    if not look.differences.expect(answer.status, 200, f"the status of many posts for {viewer}"):
        return
    wanted = [id for id in ids if look.model.sees(viewer, look.model.posts[id])]
    found = [int(post["id"]) for post in answer.value("items")]
    if found != wanted:
        look.differences.add(f"posts by their ids, seen by {viewer}: {list_difference(found, wanted)}")
        return
    missing = [int(id) for id in answer.value("missing")]
    look.differences.expect(
        missing, [id for id in ids if id not in set(wanted)], f"missing among posts by their ids, seen by {viewer}")
    for post in answer.value("items"):
        for wrong in messages.differences(post, look.model.posts[int(post["id"])]):
            look.differences.add(f"post {post['id']}, seen by {viewer}: {wrong}")


def _check_one(look: Examination, messages: PostMessages, id: int) -> None:
    post = look.model.posts[id]
    for viewer in {look.anybody("viewer", id), post.author}:
        if look.model.users.get(viewer) and look.model.users[viewer].is_deleted:
            continue
        answer = look.gateway.read(f"/v1/posts/{id}", viewer)
        if look.model.sees(viewer, post):
            if look.differences.expect(answer.status, 200, f"the status of post {id} for {viewer}"):
                for wrong in messages.differences(answer.json, post):
                    look.differences.add(f"post {id} alone, seen by {viewer}: {wrong}")
        else:
            look.differences.expect(
                (answer.status, answer.code), (404, "POST_NOT_FOUND"), f"post {id} for {viewer}, who may not see it")


def _check_author(look: Examination, messages: PostMessages, author: int) -> None:
    random = look.random("author", author)
    for viewer in {look.anybody("reader of", author), author}:
        if viewer and look.model.users[viewer].is_deleted:
            continue
        wanted = look.model.author_page(author, viewer)
        limit = max(random.choice([2, 20, 50, 200]), min(200, len(wanted) // 20))
        if look.model.users[author].is_deleted:
            _check_deleted_author(look, author, viewer)
            continue
        result = look.list(f"/v1/users/{author}/posts", viewer, limit)
        if result is None:
            continue
        found = [int(post["id"]) for post in result[0]]
        if found != wanted:
            look.differences.add(f"the posts by {author}, seen by {viewer}: {list_difference(found, wanted)}")
            continue
        for post in result[0]:
            for wrong in messages.differences(post, look.model.posts[int(post["id"])]):
                look.differences.add(f"post {post['id']} among those by {author}, seen by {viewer}: {wrong}")


def _check_deleted_author(look: Examination, author: int, viewer: int) -> None:
    """Nothing is left to be seen, whether that is said by an empty list or by an error."""
    answer = look.gateway.read(f"/v1/users/{author}/posts", viewer)
    if answer.status != 404 and (answer.status, answer.value("items")) != (200, []):
        look.differences.add(f"the posts by {author}, who is gone: {answer.status} {answer.json}")


def check_engagement(look: Examination) -> None:
    """Who reacted, and the comments."""
    messages = PostMessages(look.model, look.parts)
    busy = [post for post in look.model.posts.values() if post.reactions or post.comments]
    quiet = [post for post in look.model.posts.values() if not (post.reactions or post.comments)]
    quiet = look.random("quiet posts").sample(quiet, min(len(quiet), 20))
    if "reactions" in look.parts:
        look.each(busy + quiet, lambda post: _check_reactions(look, post))
    if "comments" in look.parts:
        look.each(busy + quiet, lambda post: _check_comments(look, messages, post))


def _check_reactions(look: Examination, post: Post) -> None:
    viewer = look.random("reactions", post.id).choice(look.model.living)
    path = f"/v1/posts/{post.id}/reactions"
    if not look.model.sees(viewer, post):
        answer = look.gateway.read(path, viewer)
        look.differences.expect(answer.status, 404, f"the status of {path} for {viewer}, who may not see the post")
        return
    result = look.list(path, viewer, look.random("reactions page", post.id).choice([1, 5, 50, 200]))
    if result is not None:
        found = [(int(item["userId"]), item["kind"]) for item in result[0]]
        users = look.model.in_order(set(post.reactions))
        look.differences.expect(
            found, [(user, post.reactions[user]) for user in users], f"the reactions to {post.id}, seen by {viewer}")


def _check_comments(look: Examination, messages: PostMessages, post: Post) -> None:
    viewer = look.random("comments", post.id).choice(look.model.living)
    path = f"/v1/posts/{post.id}/comments"
    if not look.model.sees(viewer, post):
        answer = look.gateway.read(path, viewer)
        look.differences.expect(answer.status, 404, f"the status of {path} for {viewer}, who may not see the post")
        return
    result = look.list(path, viewer, look.random("comments page", post.id).choice([1, 5, 50, 200]))
    if result is None:
        return
    comments = [look.model.comments[id] for id in post.comments]
    wanted = look.model.newest(
        comment.id for comment in comments
        if look.model.is_live(comment) and not look.model.is_walled(viewer, comment.author))
    found = [int(item["id"]) for item in result[0]]
    if found != wanted:
        look.differences.add(f"the comments on {post.id}, seen by {viewer}: {list_difference(found, wanted)}")
        return
    for item in result[0]:
        comment = look.model.comments[int(item["id"])]
        for wrong in messages.differences(item, comment):
            look.differences.add(f"comment {comment.id}, seen by {viewer}: {wrong}")
        if item.get("myReaction") != comment.reactions.get(viewer):
            look.differences.add(f"comment {comment.id}: myReaction of {viewer} is {item.get('myReaction')!r}")
