"""Accounts by their ids and names, and everything about one in an export."""

from __future__ import annotations

import json
from typing import Any

from differences import list_difference
from examination import Examination
from graph_operations import GONE
from post_message import PostMessages

# Pages of an export that are read at most: a run has fewer.
MOST_PAGES = 2_000


def check_accounts(look: Examination) -> None:
    """All accounts at once, each by its name, and the exports of some."""
    messages = PostMessages(look.model, look.parts)
    ids = list(look.model.users)
    for start in range(0, len(ids), 400):
        _check_many(look, messages, ids[start:start + 400])
    living = {look.model.users[user].username for user in look.model.living}
    # A name of somebody who is gone may belong to somebody else by now.
    named = [
        user.id for user in look.model.users.values()
        if user.is_registered and not (user.is_deleted and user.username in living)
    ]
    look.each(named, lambda user: _check_by_name(look, messages, user))
    registered = [user for user in look.model.living if look.model.users[user].is_registered]
    some = look.sample(registered, min(8, look.viewers), "exports")
    look.each(some, lambda user: _check_export(look, messages, user))


def _check_many(look: Examination, messages: PostMessages, ids: list[int]) -> None:
    answer = look.gateway.read("/v1/users?ids=" + ",".join(map(str, ids)), look.anybody("many", ids[0]))
    if not look.differences.expect(answer.status, 200, "the status of many users"):
        return
    living = [user for user in ids if not look.model.users[user].is_deleted]
    found = [int(user["id"]) for user in answer.value("items")]
    look.differences.expect(found, living, "users by their ids")
    missing = [int(user) for user in answer.value("missing")]
    look.differences.expect(missing, [user for user in ids if user not in set(living)], "missing users by their ids")
    for user in answer.value("items"):
        for wrong in messages.profile_differences(user, int(user["id"])):
            look.differences.add(f"user {user['id']} among many: {wrong}")


def _check_by_name(look: Examination, messages: PostMessages, user: int) -> None:
    known = look.model.users[user]
    answer = look.gateway.read(f"/v1/users/by-username/{known.username.upper()}", look.anybody("name", user))
    if known.is_deleted:
        if answer.status != 404 or answer.code not in GONE:
            look.differences.add(f"{known.username}, who is gone, is found by name: {answer.json}")
    elif look.differences.expect(answer.status, 200, f"the status of {known.username} by name"):
        for wrong in messages.profile_differences(answer.json, user):
            look.differences.add(f"user {known.username} by name: {wrong}")


def _check_export(look: Examination, messages: PostMessages, user: int) -> None:
    lines = _export(look, user)
    model = look.model
    profile = [line for line in lines if line["type"] == "profile"]
    if look.differences.expect(len(profile), 1, f"profiles in the export of {user}"):
        look.differences.expect(profile[0].get("email"), model.users[user].email, f"the address of {user}, exported")
    for kind, wanted in (("following", model.following[user]), ("follower", model.followers[user])):
        found = [int(line["userId"]) for line in lines if line["type"] == kind]
        look.differences.expect(found, model.in_order(wanted), f"{kind} in the export of {user}")
    posts = [line for line in lines if line["type"] == "post"]
    found = [int(post["id"]) for post in posts]
    wanted = model.author_page(user, user)
    if found != wanted:
        look.differences.add(f"posts in the export of {user}: {list_difference(found, wanted)}")
        return
    for post in posts:
        for wrong in messages.text_differences(post, model.posts[int(post["id"])]):
            look.differences.add(f"post {post['id']} in the export of {user}: {wrong}")


def _export(look: Examination, user: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        answer = look.gateway.read(f"/v1/users/{user}/export{cursor}", user)
        if answer.status != 200:
            look.differences.add(f"the export of {user}: {answer.status} {answer.json}")
            break
        page = [json.loads(line) for line in answer.json.splitlines()]
        following = [line["cursor"] for line in page if line["type"] == "next"]
        lines += [line for line in page if line["type"] != "next"]
        if not following:
            break
        cursor = f"?cursor={following[0]}"
    return lines
