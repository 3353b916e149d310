"""What a user is told, by definition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Notification:
    """One thing that happened. Its number is the place in the log of the write that did it."""

    number: int
    kind: str
    actor: int
    post: int = 0
    comment: int = 0

    @property
    def subject(self) -> tuple[str, int, int, int]:
        """Of the same subject a user is told once."""
        return (self.kind, self.actor, self.post, self.comment)


class NotificationModel:
    """Of each kind, actor and subject the newest, without those whose cause was gone before they were read."""

    def __init__(self) -> None:
        # Oldest first.
        self.lists: dict[int, list[Notification]] = {}
        # Up to which number everything was read.
        self.marks: dict[int, int] = {}
        # How many are kept of each user.
        self.kept = 1000

    def tell(self, user: int, new: Notification) -> None:
        """Nobody is told of what it did itself."""
        if new.actor == user:
            return
        others = [old for old in self.lists.get(user, []) if old.subject != new.subject]
        self.lists[user] = (others + [new])[-self.kept:]

    def take_back(self, user: int, cause: Notification) -> None:
        """Forgets what the user has not read yet; the number of `cause` says nothing."""
        mark = self.marks.get(user, 0)
        self.lists[user] = [
            old for old in self.lists.get(user, []) if old.subject != cause.subject or old.number <= mark]

    def mark_read(self, user: int, number: int) -> None:
        self.marks[user] = max(self.marks.get(user, 0), number)

    def of(self, user: int) -> list[Notification]:
        """Newest first."""
        return self.lists.get(user, [])[::-1]

    def unread(self, user: int) -> int:
        mark = self.marks.get(user, 0)
        return sum(one.number > mark for one in self.lists.get(user, []))
