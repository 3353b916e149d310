"""Who follows, asks, blocks and mutes whom."""

from __future__ import annotations

import datetime
import math

from gateway import Answer
from model import FOR_EVER, Model
from notification_model import Notification
from operation import (
    Expected, Operation, account, bond, done, privacy, read_mark, refused, unchanged,
)

# What is said of an account that was deleted.
GONE = ("ACCOUNT_DELETED", "USER_NOT_FOUND")


def follow(actor: int, target: int, by_target: bool = False) -> Operation:
    """`by_target` chooses the second of the two routes."""

    def expect(model: Model) -> Expected:
        if actor == target:
            return refused(422, "SELF_FOLLOW")
        if model.users[target].is_deleted:
            return refused(404, *GONE)
        if model.follows(actor, target):
            return unchanged(state="FOLLOWING")
        if model.is_walled(actor, target):
            return refused(403, "BLOCKED")
        if model.users[target].is_private:
            is_waiting = model.is_waiting(actor, target)
            return unchanged(state="PENDING") if is_waiting else done(state="PENDING", changed=True)
        return done(state="FOLLOWING", changed=True)

    def effect(model: Model, answer: Answer) -> None:
        if answer.value("state") == "PENDING":
            model.ask(actor, target)
            model.notifications.tell(target, Notification(answer.lsn, "FOLLOW_REQUEST", actor))
        else:
            follow_and_tell(model, actor, target, answer.lsn)

    path = f"/v1/users/{target}/follow" if by_target else f"/v1/users/{actor}/following/{target}"
    return Operation(
        actor, "POST" if by_target else "PUT", path, {}, expect, effect,
        reads={account(actor), account(target), privacy(target), read_mark(target)}, writes={bond(actor, target)})


def follow_and_tell(model: Model, follower: int, followee: int, lsn: int) -> None:
    """Makes an edge, of which the followee hears."""
    model.follow(follower, followee)
    model.notifications.take_back(followee, Notification(0, "FOLLOW_REQUEST", follower))
    model.notifications.tell(followee, Notification(lsn, "FOLLOW", follower))


def unfollow(actor: int, target: int, by_target: bool = False) -> Operation:
    def expect(model: Model) -> Expected:
        if actor == target:
            return refused(422, "SELF_FOLLOW")
        if model.follows(actor, target) or model.is_waiting(actor, target):
            return done(state="NONE", changed=True)
        return unchanged(state="NONE")

    def effect(model: Model, answer: Answer) -> None:
        part(model, actor, target)

    path = f"/v1/users/{target}/unfollow" if by_target else f"/v1/users/{actor}/following/{target}"
    return Operation(
        actor, "DELETE", path, None, expect, effect,
        reads={account(actor), account(target), read_mark(target)}, writes={bond(actor, target)})


def part(model: Model, follower: int, followee: int) -> None:
    """Ends an edge or a request, and what the followee has not read of it."""
    model.unfollow(follower, followee)
    model.cancel_request(follower, followee)
    for kind in ("FOLLOW", "FOLLOW_REQUEST"):
        model.notifications.take_back(followee, Notification(0, kind, follower))


def accept(actor: int, requester: int, by: int = 0) -> Operation:
    """`by` is somebody else who tries to answer in the place of `actor`."""

    def expect(model: Model) -> Expected:
        if by not in (0, actor):
            return refused(403, "ACTOR_MISMATCH")
        if model.is_waiting(requester, actor):
            return done(changed=True)
        if model.follows(requester, actor):
            return unchanged()
        return refused(404, "FOLLOW_REQUEST_NOT_FOUND", *GONE)

    def effect(model: Model, answer: Answer) -> None:
        accept_and_tell(model, requester, actor, answer.lsn)

    return Operation(
        by or actor, "POST", f"/v1/users/{actor}/follow-requests/{requester}:accept", {}, expect, effect,
        reads={account(actor), account(requester), privacy(actor), read_mark(actor), read_mark(requester)},
        writes={bond(actor, requester)})


def accept_and_tell(model: Model, requester: int, target: int, lsn: int) -> None:
    """Makes an edge of a request; the one who asked hears of it."""
    model.follow(requester, target)
    model.notifications.take_back(target, Notification(0, "FOLLOW_REQUEST", requester))
    model.notifications.tell(requester, Notification(lsn, "FOLLOW_ACCEPTED", target))


def reject(actor: int, requester: int) -> Operation:
    def expect(model: Model) -> Expected:
        return done(changed=True) if model.is_waiting(requester, actor) else unchanged()

    def effect(model: Model, answer: Answer) -> None:
        model.cancel_request(requester, actor)
        model.notifications.take_back(actor, Notification(0, "FOLLOW_REQUEST", requester))

    return Operation(
        actor, "POST", f"/v1/users/{actor}/follow-requests/{requester}:reject", {}, expect, effect,
        reads={account(actor), account(requester), privacy(actor), read_mark(actor)},
        writes={bond(actor, requester)})


def block(actor: int, target: int) -> Operation:
    def expect(model: Model) -> Expected:
        if actor == target:
            return refused(400, "INVALID_ARGUMENT")
        return unchanged() if target in model.blocks[actor] else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        part(model, actor, target)
        part(model, target, actor)
        model.block(actor, target)

    return Operation(
        actor, "PUT", f"/v1/users/{actor}/blocks/{target}", {}, expect, effect,
        reads={account(actor), account(target), read_mark(actor), read_mark(target)}, writes={bond(actor, target)})


def unblock(actor: int, target: int) -> Operation:
    def expect(model: Model) -> Expected:
        return done(changed=True) if target in model.blocks[actor] else unchanged()

    def effect(model: Model, answer: Answer) -> None:
        model.blocks[actor].discard(target)

    return Operation(
        actor, "DELETE", f"/v1/users/{actor}/blocks/{target}", None, expect, effect,
        reads={account(actor), account(target)}, writes={bond(actor, target)})


def mute(actor: int, target: int, until: float = FOR_EVER, may_be_late: bool = False) -> Operation:
    """`until` is in whole seconds since 1970. `may_be_late`: on a busy machine it may be over when the request arrives,
    which is refused."""

    def expect(model: Model) -> Expected:
        if actor == target:
            return refused(400, "INVALID_ARGUMENT")
        if may_be_late:
            return Expected((200, 400), changes=True)
        return unchanged() if model.mutes[actor].get(target) == until else done(changed=True)

    def effect(model: Model, answer: Answer) -> None:
        if answer.status == 200:
            model.mutes[actor][target] = until

    return Operation(
        actor, "PUT", f"/v1/users/{actor}/mutes/{target}", {} if until == FOR_EVER else {"expiresAt": rfc3339(until)},
        expect, effect, reads={account(actor), account(target)}, writes={bond(actor, target)})


def unmute(actor: int, target: int) -> Operation:
    def expect(model: Model) -> Expected:
        return done(changed=True) if target in model.mutes[actor] else unchanged()

    def effect(model: Model, answer: Answer) -> None:
        model.mutes[actor].pop(target, None)

    return Operation(
        actor, "DELETE", f"/v1/users/{actor}/mutes/{target}", None, expect, effect,
        reads={account(actor), account(target)}, writes={bond(actor, target)})


def rfc3339(seconds: float) -> str:
    """A time as JSON shows it."""
    time = datetime.datetime.fromtimestamp(math.ceil(seconds), datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def import_follows(actor: int, rows: list[tuple[int, int]]) -> Operation:
    """Many edges in one write. Nobody is told of them."""

    def outcomes(model: Model) -> list[tuple[str, bool, str]]:
        """State, whether it changed, and the code of a refused row."""
        found = []
        made: set[tuple[int, int]] = set()
        for follower, followee in rows:
            is_new = (follower, followee) not in made
            if follower == followee:
                found.append(("NONE", False, "SELF_FOLLOW"))
            elif model.follows(follower, followee):
                found.append(("FOLLOWING", False, ""))
            elif model.is_walled(follower, followee):
                found.append(("NONE", False, "BLOCKED"))
            elif model.users[followee].is_private:
                found.append(("PENDING", is_new and not model.is_waiting(follower, followee), ""))
            else:
                found.append(("FOLLOWING", is_new, ""))
            made.add((follower, followee))
        return found

    def expect(model: Model) -> Expected:
        return done()

    def effect(model: Model, answer: Answer) -> None:
        for (follower, followee), (state, changed, code), result in zip(
            rows, outcomes(model), answer.value("results"), strict=True
        ):
            problem = (result.get("error") or {}).get("code", "")
            if (result["state"], result["changed"], problem) != (state, changed, code):
                raise AssertionError(
                    f"row {follower} follows {followee}: {result}, expected {state}, changed {changed}, code {code!r}")
            if changed and state == "PENDING":
                model.ask(follower, followee)
            elif changed:
                model.follow(follower, followee)

    pairs = {pair for row in rows for pair in row}
    return Operation(
        actor, "POST", "/v1/batch/follows",
        {"rows": [{"userId": str(follower), "targetId": str(followee)} for follower, followee in rows]},
        expect, effect, reads={account(user) for user in pairs} | {privacy(row[1]) for row in rows},
        writes={bond(follower, followee) for follower, followee in rows})
