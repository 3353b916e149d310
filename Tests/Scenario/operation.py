"""A write: how it is asked for, what has to be answered, and what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Hashable

from gateway import Answer
from model import Model


@dataclass
class Expected:
    """What the definition says that a write is answered with."""

    # Any of these.
    statuses: tuple[int, ...]
    # Any of these; empty for whatever comes.
    codes: tuple[str, ...] = ()
    # By their paths in the answer.
    members: dict[str, Any] = field(default_factory=dict)
    # Whether the write changes anything.
    changes: bool = False

    def differences(self, answer: Answer) -> list[str]:
        """What the answer says otherwise."""
        if answer.status not in self.statuses:
            wanted = " or ".join(map(str, self.statuses + self.codes))
            return [f"status {answer.status} {answer.json}, expected {wanted}"]
        found = []
        if self.codes and answer.code not in self.codes:
            found.append(f"code {answer.code}, expected {' or '.join(self.codes)}")
        for path, wanted in self.members.items():
            if answer.value(path) != wanted:
                found.append(f"{path} is {answer.value(path)!r}, expected {wanted!r}")
        if answer.status < 400 and answer.lsn == 0:
            found.append("no lsn")
        return found


def done(status: int = 200, **members: Any) -> Expected:
    """The write changes something. Two underlines stand for the point in a path."""
    return Expected((status,), members=_paths(members), changes=True)


def unchanged(**members: Any) -> Expected:
    """The write is fine, and changes nothing."""
    return Expected((200,), members={"changed": False, **_paths(members)})


def refused(status: int, *codes: str) -> Expected:
    """The write is refused, and surely nothing was done."""
    return Expected((status,), codes, {"accepted": False, "status": status})


def hidden() -> Expected:
    """The write is refused; whether because of what is not shown or of who asks, the definition leaves open."""
    return Expected((403, 404), members={"accepted": False})


def _paths(members: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in members.items()}


@dataclass
class Operation:
    """One write of the walk.

    `reads` and `writes` name the parts of the state that decide about the answer, and those that the write changes. Two
    writes of which one changes what the other one depends on are never under way at the same time: so what each has to
    be answered with is known before, in whatever order they arrive.
    """

    actor: int
    method: str
    path: str
    body: Any
    expect: Callable[[Model], Expected]
    # Applied in the order of the log to those that change something.
    effect: Callable[[Model, Answer], None]
    reads: set[Hashable] = field(default_factory=set)
    writes: set[Hashable] = field(default_factory=set)
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def conflicts(self, reads: set[Hashable], writes: set[Hashable]) -> bool:
        """Whether it must not run beside writes that read and write these."""
        return not (self.writes.isdisjoint(reads | writes) and self.reads.isdisjoint(writes))

    def __str__(self) -> str:
        return f"{self.method} {self.path} by {self.actor} with {self.body} under the key {self.key}"


# Parts of the state


def bond(one: int, other: int) -> Hashable:
    """Everything between two accounts: follows, requests, blocks, mutes."""
    return ("bond", min(one, other), max(one, other))


def account(user: int) -> Hashable:
    """Whether an account is there, and what it shows of itself."""
    return ("account", user)


def privacy(user: int) -> Hashable:
    """Whether an account is private."""
    return ("privacy", user)


def content(post: int) -> Hashable:
    """Whether a post or comment is there, and what it says."""
    return ("content", post)


def reaction(user: int, target: int) -> Hashable:
    """A user's reaction to a post or comment."""
    return ("reaction", user, target)


def read_mark(user: int) -> Hashable:
    """Up to where a user has read the notifications."""
    return ("mark", user)
