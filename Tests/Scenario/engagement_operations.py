"""Reactions, comments, and what a user has read."""

from __future__ import annotations

from gateway import Answer
from model import Model, Post
from notification_model import Notification
from operation import (
    Expected, Operation, account, bond, content, done, hidden, reaction, read_mark, refused, unchanged,
)
from post_operations import reads_of_post, refusal_of_post

REACTIONS = ("LIKE", "LOVE", "HAHA", "WOW", "SAD", "ANGRY")


def refusal_of_comment(model: Model, actor: int, comment: int) -> Expected | None:
    """Why somebody may not do anything with a comment; None when it may."""
    found = model.comments.get(comment)
    if found is None or not model.is_live(found):
        return refused(404, "COMMENT_NOT_FOUND")
    problem = refusal_of_post(model, actor, found.post)
    if problem:
        return problem if 403 in problem.statuses else refused(404, "COMMENT_NOT_FOUND")
    return refused(403, "BLOCKED") if model.is_walled(actor, found.author) else None


def reads_of_comment(model: Model, actor: int, comment: int) -> set:
    """What decides whether somebody may do something with a comment."""
    found = model.comments.get(comment)
    if found is None:
        return set()
    own = {content(comment), account(found.author), bond(actor, found.author)}
    return own | reads_of_post(model, actor, found.post)


def react(model: Model, actor: int, target: int, kind: str | None, route: str = "reaction") -> Operation:
    """`kind` None takes the reaction back. Targets are posts and comments; posts have the route `like` as well."""
    is_comment = target in model.comments
    refusal = refusal_of_comment if is_comment else refusal_of_post

    def subject(model: Model) -> Post:
        return model.comments[target] if is_comment else model.posts[target]

    def expect(model: Model) -> Expected:
        problem = refusal(model, actor, target)
        if problem:
            return problem
        return unchanged() if subject(model).reactions.get(actor) == kind else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        found = subject(model)
        notice = Notification(
            answer.lsn, "REACTION", actor, found.post if is_comment else found.id, found.id if is_comment else 0)
        if kind is None:
            del found.reactions[actor]
            model.notifications.take_back(found.author, notice)
            return
        if actor not in found.reactions:
            model.notifications.tell(found.author, notice)
        found.reactions[actor] = kind

    reads = (reads_of_comment if is_comment else reads_of_post)(model, actor, target)
    known = model.comments.get(target) or model.posts.get(target)
    body = None if kind is None else ({} if kind == "LIKE" else {"kind": kind})
    verb = "DELETE" if kind is None else ("POST" if route == "like" else "PUT")
    path = f"/v1/{'comments' if is_comment else 'posts'}/{target}/{route}"
    return Operation(
        actor, verb, path, body, expect, effect,
        reads=reads | {account(actor)} | ({read_mark(known.author)} if known else set()),
        writes={reaction(actor, target)})


def create_comment(model: Model, actor: int, post: int, text: str) -> Operation:
    def expect(model: Model) -> Expected:
        return refusal_of_post(model, actor, post) or done(
            201, comment__authorId=str(actor), comment__postId=str(post), comment__text=text)

    def effect(model: Model, answer: Answer) -> None:
        id = int(answer.value("comment.id"))
        model.add_comment(Post(id, actor, text, post=post))
        model.notifications.tell(model.posts[post].author, Notification(answer.lsn, "COMMENT", actor, post, id))

    return Operation(
        actor, "POST", f"/v1/posts/{post}/comments", {"text": text}, expect, effect,
        reads=reads_of_post(model, actor, post) | {account(actor)})


def edit_comment(model: Model, actor: int, comment: int, text: str) -> Operation:
    def expect(model: Model) -> Expected:
        problem = refusal_of_comment(model, actor, comment)
        if problem:
            return problem
        if model.comments[comment].author != actor:
            return refused(403, "NOT_AUTHOR")
        return done(comment__id=str(comment), comment__text=text)

    def effect(model: Model, answer: Answer) -> None:
        found = model.comments[comment]
        found.text = text
        found.edited_at = answer.value("comment.editedAt")
        if not found.edited_at:
            raise AssertionError(f"comment {comment} was changed, and its answer has no editedAt")

    return Operation(
        actor, "PATCH", f"/v1/comments/{comment}", {"text": text}, expect, effect,
        reads=reads_of_comment(model, actor, comment) | {account(actor)}, writes={content(comment)})


def delete_comment(model: Model, actor: int, comment: int) -> Operation:
    """Its author may, and the author of the post."""

    def expect(model: Model) -> Expected:
        found = model.comments.get(comment)
        if found is None:
            return refused(404, "COMMENT_NOT_FOUND")
        if actor not in (found.author, model.posts[found.post].author):
            return refused(403, "NOT_AUTHOR") if model.sees_comment(actor, found) else hidden()
        return unchanged() if found.is_deleted else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        found = model.comments[comment]
        found.is_deleted = True
        model.notifications.take_back(
            model.posts[found.post].author, Notification(0, "COMMENT", found.author, found.post, comment))

    found = model.comments.get(comment)
    marks = {read_mark(model.posts[found.post].author)} if found else set()
    return Operation(
        actor, "DELETE", f"/v1/comments/{comment}", None, expect, effect,
        reads=reads_of_comment(model, actor, comment) | {account(actor)} | marks, writes={content(comment)})


def mark_read(actor: int, up_to: int | None) -> Operation:
    """`up_to` is the number of a notification; None marks all that there are."""

    def expect(model: Model) -> Expected:
        if up_to is None:
            # Whether there was anything new anywhere is nothing that the definition speaks of.
            return Expected((200,), changes=True)
        return done(changed=True) if model.notifications.marks.get(actor, 0) < up_to else unchanged()

    def effect(model: Model, answer: Answer) -> None:
        model.notifications.mark_read(actor, answer.lsn if up_to is None else up_to)

    body = {} if up_to is None else {"upTo": str(up_to)}
    return Operation(
        actor, "POST", "/v1/notifications:markRead", body, expect, effect, reads={account(actor)},
        writes={read_mark(actor)})
