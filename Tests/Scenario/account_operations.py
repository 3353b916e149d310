"""What an account shows of itself, whether it is private, and its end."""

from __future__ import annotations

from typing import Any

from gateway import Answer
from graph_operations import accept_and_tell
from model import Model
from operation import Expected, Operation, account, bond, done, privacy, read_mark, refused, unchanged


def update_profile(actor: int, changes: dict[str, str]) -> Operation:
    """`changes` are members of the request: displayName, bio, pictureUrl."""

    def expect(model: Model) -> Expected:
        return done(user__id=str(actor), **{f"user__{name}": text for name, text in changes.items()})

    def effect(model: Model, answer: Answer) -> None:
        user = model.users[actor]
        user.display_name = changes.get("displayName", user.display_name)
        user.bio = changes.get("bio", user.bio)
        user.picture_url = changes.get("pictureUrl", user.picture_url)

    return Operation(
        actor, "PATCH", f"/v1/users/{actor}", dict(changes), expect, effect, writes={account(actor)})


def set_private(model: Model, actor: int, is_private: bool) -> Operation:
    """Who becomes public accepts all that have asked."""

    def expect(model: Model) -> Expected:
        return done(user__id=str(actor), user__private=is_private)

    def effect(model: Model, answer: Answer) -> None:
        model.users[actor].is_private = is_private
        if not is_private:
            for requester in list(model.requests[actor]):
                accept_and_tell(model, requester, actor, answer.lsn)

    waiting = set(model.requests[actor])
    body: dict[str, Any] = {"private": is_private}
    return Operation(
        actor, "PATCH", f"/v1/users/{actor}", body, expect, effect,
        reads={account(user) for user in waiting} | {read_mark(user) for user in waiting | {actor}},
        writes={account(actor), privacy(actor)} | {bond(actor, requester) for requester in waiting})


def delete_user(actor: int, by: int = 0) -> Operation:
    """`by` is somebody else who tries it."""

    def expect(model: Model) -> Expected:
        if by not in (0, actor):
            return refused(403, "ACTOR_MISMATCH")
        return unchanged() if model.users[actor].is_deleted else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        model.delete_user(actor)

    return Operation(by or actor, "DELETE", f"/v1/users/{actor}", None, expect, effect, writes={account(actor)})
