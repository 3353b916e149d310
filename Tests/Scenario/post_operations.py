"""Posts: created, changed, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway import Answer
from model import Model, Post
from operation import Expected, Operation, account, bond, content, done, hidden, privacy, refused, unchanged


@dataclass
class Draft:
    """What somebody is about to post."""

    text: str
    kind: str = "TEXT"
    media_url: str = ""
    thumbnail_url: str = ""
    visibility: str = "PUBLIC"
    reply_to: int = 0
    repost_of: int = 0

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"text": self.text, "kind": self.kind, "visibility": self.visibility}
        if self.media_url:
            body["mediaUrl"] = self.media_url
        if self.thumbnail_url:
            body["thumbnailUrl"] = self.thumbnail_url
        if self.reply_to:
            body["replyTo"] = str(self.reply_to)
        if self.repost_of:
            body["repostOf"] = str(self.repost_of)
        return body

    def post(self, author: int, id: int) -> Post:
        return Post(
            id, author, self.text, self.kind, self.media_url, self.thumbnail_url, self.visibility,
            self.reply_to, self.repost_of)

    @property
    def originals(self) -> list[int]:
        return [post for post in (self.reply_to, self.repost_of) if post]


def create_post(model: Model, actor: int, draft: Draft) -> Operation:
    def expect(model: Model) -> Expected:
        for original in draft.originals:
            problem = refusal_of_post(model, actor, original)
            if problem:
                return problem
        return done(201, post__authorId=str(actor), post__text=draft.text, post__state="PUBLISHED")

    def effect(model: Model, answer: Answer) -> None:
        id = int(answer.value("post.id"))
        if answer.headers.get("location") != f"/v1/posts/{id}":
            raise AssertionError(f"post {id} is at {answer.headers.get('location')}")
        model.add_post(draft.post(actor, id))

    reads = {account(actor)}
    for original in draft.originals:
        reads |= reads_of_post(model, actor, original)
    return Operation(actor, "POST", "/v1/posts", draft.body(), expect, effect, reads=reads)


def refusal_of_post(model: Model, actor: int, post: int) -> Expected | None:
    """Why somebody may not do anything with a post; None when it may."""
    found = model.posts.get(post)
    if found is None or not model.is_live(found):
        return refused(404, "POST_NOT_FOUND")
    if model.is_walled(actor, found.author):
        return refused(403, "BLOCKED")
    return None if model.sees(actor, found) else refused(404, "POST_NOT_FOUND")


def reads_of_post(model: Model, actor: int, post: int) -> set:
    """What decides whether somebody may do something with a post."""
    found = model.posts.get(post)
    if found is None:
        return set()
    return {content(post), account(found.author), privacy(found.author), bond(actor, found.author)}


def edit_post(model: Model, actor: int, post: int, text: str | None, media_url: str | None) -> Operation:
    body = {}
    if text is not None:
        body["text"] = text
    if media_url is not None:
        body["mediaUrl"] = media_url

    def expect(model: Model) -> Expected:
        found = model.posts.get(post)
        problem = refusal_of_post(model, actor, post)
        if found is None or problem:
            return problem or refused(404, "POST_NOT_FOUND")
        if found.author != actor:
            return refused(403, "NOT_AUTHOR")
        return done(post__id=str(post), post__text=found.text if text is None else text)

    def effect(model: Model, answer: Answer) -> None:
        found = model.posts[post]
        if text is not None:
            found.text = text
        if media_url is not None:
            found.media_url = media_url
        found.edited_at = answer.value("post.editedAt")
        if not found.edited_at:
            raise AssertionError(f"post {post} was changed, and its answer has no editedAt")

    return Operation(
        actor, "PATCH", f"/v1/posts/{post}", body, expect, effect,
        reads=reads_of_post(model, actor, post) | {account(actor)}, writes={content(post)})


def delete_post(model: Model, actor: int, post: int) -> Operation:
    def expect(model: Model) -> Expected:
        found = model.posts.get(post)
        if found is None:
            return refused(404, "POST_NOT_FOUND")
        if found.author != actor:
            return refused(403, "NOT_AUTHOR") if model.sees(actor, found) else hidden()
        return unchanged() if found.is_deleted else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        model.posts[post].is_deleted = True

    return Operation(
        actor, "DELETE", f"/v1/posts/{post}", None, expect, effect,
        reads=reads_of_post(model, actor, post) | {account(actor)}, writes={content(post)})


def import_posts(actor: int, rows: list[tuple[int, str]]) -> Operation:
    """Many posts in one write: authors and texts."""

    def expect(model: Model) -> Expected:
        return done()

    def effect(model: Model, answer: Answer) -> None:
        for (author, text), result in zip(rows, answer.value("results"), strict=True):
            if result.get("error"):
                raise AssertionError(f"a row by {author} was refused: {result}")
            model.add_post(Post(int(result["postId"]), author, text))

    return Operation(
        actor, "POST", "/v1/batch/posts", {"rows": [{"authorId": str(author), "text": text} for author, text in rows]},
        expect, effect, reads={account(author) for author, _ in rows})
