"""What every user was told."""

from __future__ import annotations

from typing import Any

from examination import Examination


def check_notifications(look: Examination) -> None:
    """Newest first, without those by accounts that are hidden from the user, and with what was read."""
    look.each(look.model.living, lambda user: _check_notifications(look, user))


def _check_notifications(look: Examination, user: int) -> None:
    result = look.list("/v1/notifications", user, look.random("notifications", user).choice([3, 20, 50, 200]))
    if result is None:
        return
    items, pages = result
    model = look.model
    shown = [one for one in model.notifications.of(user) if not model.hides(user, one.actor)]
    mark = model.notifications.marks.get(user, 0)
    wanted = [(one.kind, one.actor, one.post, one.comment, one.number <= mark) for one in shown]
    found = [_summary(item) for item in items]
    if found != wanted:
        missing = [one for one in wanted if one not in found]
        extra = [one for one in found if one not in wanted]
        look.differences.add(
            f"notifications of {user}: {len(found)} instead of {len(wanted)}; missing {missing[:4]}, extra {extra[:4]}")
    numbers = [int(item["id"]) for item in items]
    if numbers != sorted(set(numbers), reverse=True):
        look.differences.add(f"notifications of {user} are not in order: {numbers}")
    unread = sum(one.number > mark for one in shown)
    for page in pages:
        look.differences.expect(page.value("unreadCount"), str(unread), f"unreadCount of {user}")


def _summary(item: dict[str, Any]) -> tuple[str, int, int, int, bool]:
    return (
        item["kind"], int(item.get("actorId") or 0), int(item.get("postId") or 0), int(item.get("commentId") or 0),
        bool(item.get("read")))
