"""Counters, lists of accounts, and how accounts stand to each other."""

from __future__ import annotations

from typing import Any

from differences import list_difference
from examination import Examination
from graph_operations import GONE, rfc3339
from model import FOR_EVER
from post_message import PostMessages


def check_users(look: Examination, celebrity_threshold: int) -> None:
    """What accounts show, and whether their posts are pushed or pulled."""
    messages = PostMessages(look.model, look.parts)
    look.each(look.model.users, lambda user: _check_user(look, messages, user))
    look.each(look.model.living, lambda user: _check_mode(look, user, celebrity_threshold))


def _check_user(look: Examination, messages: PostMessages, user: int) -> None:
    viewer = look.anybody("user", user)
    answer = look.gateway.read(f"/v1/users/{user}", viewer)
    known = look.model.users[user]
    if known.is_deleted:
        look.differences.expect(
            answer.status == 404 and answer.code in GONE, True, f"that user {user} is gone: {answer.json}")
        return
    if not look.differences.expect(answer.status, 200, f"the status of user {user}"):
        return
    wanted = {
        "followerCount": str(len(look.model.followers[user])), "followingCount": str(len(look.model.following[user])),
        "postCount": str(look.model.post_count(user)),
    }
    if "accounts" in look.parts:
        wanted |= {"private": known.is_private}
        if known.is_registered:
            wanted |= {"bio": known.bio}
    for name, value in wanted.items():
        look.differences.expect(answer.value(name), value, f"{name} of user {user}")
    for wrong in messages.profile_differences(answer.json, user):
        look.differences.add(f"user {user}: {wrong}")


def _check_mode(look: Examination, user: int, threshold: int) -> None:
    answer = look.gateway.read(f"/v1/users/{user}/fanout-mode", look.anybody("mode", user))
    followers = len(look.model.followers[user])
    look.differences.expect(answer.value("followerCount"), str(followers), f"followers by the fan-out mode of {user}")
    if followers >= threshold:
        look.differences.expect(answer.value("mode"), "PULL", f"the mode of {user}, with {followers} followers")
    elif look.model.most_followers[user] < threshold:
        look.differences.expect(answer.value("mode"), "PUSH", f"the mode of {user}, who never had many followers")


def check_lists(look: Examination) -> None:
    """Following, followers, requests, blocks and mutes, each to its end."""
    look.each(look.model.living, lambda user: _check_lists_of(look, user))


def _check_lists_of(look: Examination, user: int) -> None:
    model = look.model
    viewer = look.anybody("lists of", user)
    _check_list(look, user, viewer, "following", model.in_order(model.following[user]))
    for one in {viewer, user}:
        if model.sees_followers(one, user):
            _check_list(look, user, one, "followers", model.in_order(model.followers[user]))
        else:
            answer = look.gateway.read(f"/v1/users/{user}/followers", one)
            look.differences.expect(
                (answer.status, answer.code), (403, "PRIVATE_ACCOUNT"), f"the followers of {user}, for {one}")
    if "relations" in look.parts:
        _check_list(look, user, user, "blocks", model.in_order(model.blocks[user]))
        _check_list(look, user, user, "follow-requests", model.requests[user][::-1])
        _check_mutes(look, user)
        if look.is_authenticated:
            _check_that_lists_are_private(look, user)


def _check_list(look: Examination, user: int, viewer: int, name: str, wanted: list[int]) -> None:
    limit = look.random(name, user).choice([1, 4, 50, 200])
    result = look.list(f"/v1/users/{user}/{name}", viewer, max(limit, len(wanted) // 20))
    if result is None:
        return
    found = [int(item["userId"]) for item in result[0]]
    if found != wanted:
        look.differences.add(f"{name} of {user}, seen by {viewer}: {list_difference(found, wanted)}")
    for item in result[0]:
        if not item.get("since"):
            look.differences.add(f"{name} of {user}: {item} has no time")


def _check_mutes(look: Examination, user: int) -> None:
    result = look.list(f"/v1/users/{user}/mutes", user, look.random("mutes", user).choice([1, 4, 50]))
    if result is None:
        return
    mutes = look.model.mutes[user]
    wanted: list[tuple[int, Any]] = [
        (target, None if mutes[target] == FOR_EVER else rfc3339(mutes[target]))
        for target in look.model.in_order(mutes)
    ]
    look.differences.expect(
        [(int(item["userId"]), item.get("expiresAt")) for item in result[0]], wanted, f"whom {user} mutes")


def _check_that_lists_are_private(look: Examination, user: int) -> None:
    """With tokens, what concerns one user alone is shown to nobody else."""
    other = look.random("other", user).choice([one for one in look.model.living if one != user])
    for name in ("blocks", "mutes", "follow-requests", "feed"):
        answer = look.gateway.read(f"/v1/users/{user}/{name}", other)
        look.differences.expect(answer.status, 403, f"the status of {name} of {user} for {other}")
        answer = look.gateway.read(f"/v1/users/{user}/{name}", 0)
        look.differences.expect(answer.status, 401, f"the status of {name} of {user} without a token")


def check_relationships(look: Examination) -> None:
    """How some accounts stand to each other: those between which there is something, and some strangers."""
    model = look.model
    pairs: set[tuple[int, int]] = set()
    for user in model.living:
        random = look.random("relationship", user)
        near = model.following[user] | model.followers[user] | model.blocks[user] | set(model.mutes[user])
        near |= set(model.requests[user])
        for target in random.sample(sorted(near), min(3, len(near))) + [random.choice(model.living)]:
            if target != user and not model.users[target].is_deleted:
                pairs |= {(user, target), (target, user)}
    look.each(sorted(pairs), lambda pair: _check_relationship(look, *pair))


def _check_relationship(look: Examination, user: int, target: int) -> None:
    model = look.model
    answer = look.gateway.read(f"/v1/users/{user}/relationships/{target}", user)
    if not look.differences.expect(answer.status, 200, f"the status of how {user} stands to {target}"):
        return
    until = model.mutes[user].get(target)
    wanted = {
        "following": model.follows(user, target), "followedBy": model.follows(target, user),
        "pending": model.is_waiting(user, target), "blocking": target in model.blocks[user],
        "blockedBy": user in model.blocks[target], "muting": until is not None,
        "mutingUntil": None if until in (None, FOR_EVER) else rfc3339(until),
    }
    for name, value in wanted.items():
        look.differences.expect(answer.value(name), value, f"{name} of {user} to {target}")
