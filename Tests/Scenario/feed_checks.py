"""Every user's whole feed against the definition."""

from __future__ import annotations

from typing import Any

from differences import list_difference
from examination import Examination
from gateway import Answer
from post_message import PostMessages


def check_feeds(look: Examination) -> None:
    """The visible posts of all whom the user follows, newest first, each once, for any page size and form."""
    messages = PostMessages(look.model, look.parts)
    look.each(look.model.living, lambda reader: _check_feed(look, messages, reader))


def _check_feed(look: Examination, messages: PostMessages, reader: int) -> None:
    random = look.random("feed", reader)
    wanted = look.model.feed(reader)
    limit = max(random.choice([1, 3, 10, 50, 50, 200]), min(200, len(wanted) // 40))
    form = random.choice(["", "", "hydrate=true", "hydrate=false", "idsOnly=true&hydrate=false"])
    path = random.choice(["/v1/feed", f"/v1/users/{reader}/feed"])
    result = look.list(path + (f"?{form}" if form else ""), reader, limit, _entries)
    if result is None:
        return
    entries, pages = result
    what = f"the feed of {reader} ({form or 'as it comes'}, {limit} a page)"
    found = [entry["id"] for entry in entries]
    if found != wanted:
        look.differences.add(f"{what}: {list_difference(found, wanted)}")
        return
    for page in pages:
        _check_page(look, page, what)
    for entry in entries:
        for wrong in _entry_differences(look, messages, reader, entry):
            look.differences.add(f"{what}, post {entry['id']}: {wrong}")


def _check_page(look: Examination, page: Answer, what: str) -> None:
    if page.value("complete") is not True or page.value("completeSince"):
        look.differences.add(f"{what}: complete is {page.value('complete')}, {page.value('completeSince')}")
    if int(page.value("asOfLsn")) < look.gateway.lsn:
        look.differences.add(f"{what}: it is as of {page.value('asOfLsn')}, asked for was {look.gateway.lsn}")


def _entries(page: Answer) -> list[dict[str, Any]]:
    """The entries of a page, whatever their form."""
    ids = page.value("ids.postIds")
    if ids:
        return [{"id": int(id)} for id in ids]
    return [
        {"id": int((item.get("post") or {}).get("id") or item.get("postId") or 0), "item": item}
        for item in page.value("items")
    ]


def _entry_differences(look: Examination, messages: PostMessages, reader: int, entry: dict[str, Any]) -> list[str]:
    item = entry.get("item")
    if item is None:
        return []
    post = look.model.posts[entry["id"]]
    if not item.get("post"):
        wanted = (str(post.author), post.created_at)
        found = (item.get("authorId"), item.get("createdAt"))
        return [] if found == wanted else [f"author and time are {found}, expected {wanted}"]
    wrong = messages.differences(item["post"], post) + messages.profile_differences(item["author"], post.author)
    if "reactions" in look.parts and item.get("myReaction") != post.reactions.get(reader):
        wrong.append(f"myReaction is {item.get('myReaction')!r}, expected {post.reactions.get(reader)!r}")
    return wrong
