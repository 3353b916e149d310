"""A random walk over what users do, from a seed."""

from __future__ import annotations

import bisect
import itertools
import random
import time
from typing import AbstractSet, Callable, Hashable

import account_operations as accounts
import engagement_operations as engagement
import graph_operations as graph
import post_operations as posts
from model import FOR_EVER, Model
from operation import Operation
from parts import Parts

# How often each happens, in relation to the others.
WEIGHTS: dict[str, list[tuple[str, float]]] = {
    "posts": [("create_post", 26), ("reply_or_repost", 8), ("delete_post", 4), ("import_posts", 1)],
    "graph": [("follow", 18), ("unfollow", 7), ("import_follows", 1)],
    "relations": [("answer_request", 8), ("block", 3), ("unblock", 3), ("mute", 4), ("unmute", 3)],
    "edits": [("edit_post", 5)],
    "reactions": [("react", 22), ("unreact", 5)],
    "comments": [("comment", 12), ("edit_comment", 3), ("delete_comment", 3)],
    "notifications": [("mark_read", 3)],
    "accounts": [("update_profile", 2), ("change_privacy", 3), ("delete_user", 0.4)],
}

DAY = 86_400.0


class Walk:
    """Chooses writes. What it chooses depends on the seed and the model alone, but for the times of mutes."""

    def __init__(self, random: random.Random, model: Model, parts: Parts, by_rows: bool) -> None:
        """`by_rows`: whether one request may hold the rows of many actors."""
        self.random = random
        self.model = model
        self.parts = parts
        self.by_rows = by_rows
        self._count = itertools.count(1)
        weighted = [entry for part, entries in WEIGHTS.items() if part in parts for entry in entries]
        self._names = [name for name, _ in weighted]
        self._weights = [weight for _, weight in weighted]
        # A few are known to everybody: the lower the place, the more.
        self._fame: list[int] = []
        self._fame_sums: list[float] = []

    def settle(self) -> None:
        """To be called when the users are known."""
        self._fame = list(self.model.users)
        self.random.shuffle(self._fame)
        self._fame_sums = list(itertools.accumulate(1 / (place + 1) ** 0.8 for place in range(len(self._fame))))

    def round(self, size: int, untouched: AbstractSet[Hashable] = frozenset()) -> list[Operation]:
        """Up to `size` writes that may be under way at the same time, in any order. None changes what is to be left
        `untouched`, or depends on it."""
        chosen: list[Operation] = []
        reads: set[Hashable] = set()
        writes: set[Hashable] = set(untouched)
        for _ in range(size * 4):
            if len(chosen) == size:
                break
            operation = self.next()
            if operation is None or operation.conflicts(reads, writes):
                continue
            reads |= operation.reads
            writes |= operation.writes
            chosen.append(self.named(operation))
        return chosen

    def named(self, operation: Operation) -> Operation:
        """With a key of its own."""
        operation.key = f"walk-{next(self._count)}"
        return operation

    def next(self) -> Operation | None:
        """One write; None when there is nothing that it could be about."""
        name = self.random.choices(self._names, self._weights)[0]
        choose: Callable[[], Operation | None] = getattr(self, f"_{name}")
        operation = choose()
        if operation is not None and self.random.random() < 0.3:
            operation.headers["X-Durability"] = self.random.choice(["os", "disk"])
        return operation

    # Whom and what it is about. What is left of accounts that are gone is cleared away some time later, so few things
    # are tried with these.

    def actor(self) -> int:
        return self.random.choice(self.model.living)

    def famous(self) -> int:
        place = bisect.bisect_left(self._fame_sums, self.random.random() * self._fame_sums[-1])
        return self._fame[min(place, len(self._fame) - 1)]

    def _living_famous(self) -> int:
        for _ in range(20):
            user = self.famous()
            if not self.model.users[user].is_deleted:
                return user
        return self.actor()

    def _text(self, about: str) -> str:
        ends = ["", "", " ünïcödé ✓ 🐦", ' "quoted" \\ and\nbroken\tlines', " " + "x" * 700]
        return f"{about} {next(self._count)}{self.random.choice(ends)}"

    def _post(self, actor: int) -> int | None:
        """Mostly one that the actor sees, of those the newer ones; sometimes any."""
        everything = list(self.model.posts)
        if not everything:
            return None
        recent = everything[-400:]
        for _ in range(12):
            post = self.random.choice(recent if self.random.random() < 0.8 else everything)
            if self.model.sees(actor, self.model.posts[post]):
                return post
        return self.random.choice(everything)

    def _any_post(self) -> int | None:
        return self.random.choice(list(self.model.posts)) if self.model.posts else None

    def _own_post(self, actor: int) -> int | None:
        own = self.model.posts_by_author[actor]
        return self.random.choice(own) if own else None

    # Posts

    def _draft(self, actor: int) -> posts.Draft:
        draft = posts.Draft(self._text(f"post by {actor}"))
        chance = self.random.random()
        if chance < 0.2:
            draft.kind = self.random.choice(["IMAGE", "VIDEO"])
            draft.media_url = f"https://media.example/{next(self._count)}"
            if chance < 0.1:
                draft.thumbnail_url = draft.media_url + "/small"
        if self.random.random() < 0.25:
            draft.visibility = "FOLLOWERS"
        return draft

    def _create_post(self) -> Operation:
        actor = self._living_famous() if self.random.random() < 0.4 else self.actor()
        return posts.create_post(self.model, actor, self._draft(actor))

    def _reply_or_repost(self) -> Operation | None:
        actor = self.actor()
        original = self._post(actor) if self.random.random() < 0.9 else self._any_post()
        if original is None:
            return None
        draft = self._draft(actor)
        if self.random.random() < 0.5:
            draft.reply_to = original
        else:
            draft.repost_of = original
        return posts.create_post(self.model, actor, draft)

    def _edit_post(self) -> Operation | None:
        actor = self.actor()
        post = self._own_post(actor) if self.random.random() < 0.9 else self._any_post()
        if post is None:
            return None
        text = self._text("changed") if self.random.random() < 0.8 else None
        media = f"https://media.example/{next(self._count)}" if text is None or self.random.random() < 0.2 else None
        return posts.edit_post(self.model, actor, post, text, media)

    def _delete_post(self) -> Operation | None:
        actor = self.actor()
        post = self._own_post(actor) if self.random.random() < 0.85 else self._any_post()
        return None if post is None else posts.delete_post(self.model, actor, post)

    def _import_posts(self) -> Operation:
        actor = self.actor()
        count = self.random.randint(1, 6)
        authors = [self.actor() if self.by_rows else actor for _ in range(count)]
        return posts.import_posts(actor, [(author, self._text(f"row by {author}")) for author in authors])

    # Graph

    def _follow(self) -> Operation:
        actor = self.actor()
        target = self.famous() if self.random.random() < 0.98 else actor
        return graph.follow(actor, target, self.random.random() < 0.3)

    def _unfollow(self) -> Operation:
        actor = self.actor()
        followed = sorted(self.model.following[actor])
        target = self.random.choice(followed) if followed and self.random.random() < 0.85 else self._living_famous()
        return graph.unfollow(actor, target, self.random.random() < 0.3)

    def _import_follows(self) -> Operation:
        actor = self.actor()
        count = self.random.randint(1, 12)
        rows = [(self.actor() if self.by_rows else actor, self._living_famous()) for _ in range(count)]
        return graph.import_follows(actor, rows)

    def _answer_request(self) -> Operation:
        waiting = [user for user in self.model.living if self.model.requests[user]]
        if not waiting or self.random.random() < 0.1:
            # Most of these were never asked, or have answered already.
            return self._answer(self.actor(), self.actor())
        actor = self.random.choice(waiting)
        return self._answer(actor, self.random.choice(self.model.requests[actor]))

    def _answer(self, actor: int, requester: int) -> Operation:
        chance = self.random.random()
        if chance < 0.05 and self.by_rows:
            return graph.accept(actor, requester, by=requester)
        return graph.accept(actor, requester) if chance < 0.7 else graph.reject(actor, requester)

    def _block(self) -> Operation:
        actor = self.actor()
        if self.random.random() < 0.05:
            return graph.block(actor, actor)
        near = sorted(self.model.followers[actor] | self.model.following[actor])
        return graph.block(actor, self._other(actor, near))

    def _unblock(self) -> Operation:
        actors = [user for user in self.model.living if self.model.blocks[user]]
        actor = self.random.choice(actors) if actors and self.random.random() < 0.9 else self.actor()
        return graph.unblock(actor, self._other(actor, sorted(self.model.blocks[actor])))

    def _mute(self) -> Operation:
        actor = self.actor()
        target = self._other(actor, sorted(self.model.following[actor]))
        until = FOR_EVER if self.random.random() < 0.5 else float(int(time.time() + DAY * self.random.randint(1, 300)))
        return graph.mute(actor, target, until)

    def _unmute(self) -> Operation:
        actors = [user for user in self.model.living if self.model.mutes[user]]
        actor = self.random.choice(actors) if actors and self.random.random() < 0.9 else self.actor()
        return graph.unmute(actor, self._other(actor, sorted(self.model.mutes[actor])))

    def _other(self, actor: int, wanted: list[int]) -> int:
        """One of those, or else anybody but the actor."""
        living = [user for user in wanted if not self.model.users[user].is_deleted]
        if living and self.random.random() < 0.9:
            return self.random.choice(living)
        return self.random.choice([user for user in self.model.living if user != actor])

    # Engagement

    def _target(self, actor: int) -> int | None:
        if self.model.comments and self.random.random() < 0.25:
            return self.random.choice(list(self.model.comments))
        return self._post(actor) if self.random.random() < 0.95 else self._any_post()

    def _react(self) -> Operation | None:
        actor = self.actor()
        target = self._target(actor)
        if target is None:
            return None
        if target in self.model.posts and self.random.random() < 0.4:
            return engagement.react(self.model, actor, target, "LIKE", "like")
        return engagement.react(self.model, actor, target, self.random.choice(engagement.REACTIONS))

    def _unreact(self) -> Operation | None:
        target = self._target(self.actor())
        if target is None:
            return None
        found = self.model.posts.get(target) or self.model.comments[target]
        living = [user for user in found.reactions if not self.model.users[user].is_deleted]
        actor = self.random.choice(living) if living else self.actor()
        route = "like" if target in self.model.posts and self.random.random() < 0.4 else "reaction"
        return engagement.react(self.model, actor, target, None, route)

    def _comment(self) -> Operation | None:
        actor = self.actor()
        post = self._post(actor) if self.random.random() < 0.95 else self._any_post()
        if post is None:
            return None
        return engagement.create_comment(self.model, actor, post, self._text(f"comment by {actor}"))

    def _edit_comment(self) -> Operation | None:
        if not self.model.comments:
            return None
        comment = self.random.choice(list(self.model.comments))
        actor = self.model.comments[comment].author if self.random.random() < 0.9 else self.actor()
        if self.model.users[actor].is_deleted:
            return None
        return engagement.edit_comment(self.model, actor, comment, self._text("changed comment"))

    def _delete_comment(self) -> Operation | None:
        if not self.model.comments:
            return None
        comment = self.random.choice(list(self.model.comments))
        found = self.model.comments[comment]
        actor = self.random.choice([found.author, self.model.posts[found.post].author, self.actor()])
        return None if self.model.users[actor].is_deleted else engagement.delete_comment(self.model, actor, comment)

    def _mark_read(self) -> Operation:
        actor = self.actor()
        told = self.model.notifications.of(actor)
        if told and self.random.random() < 0.7:
            return engagement.mark_read(actor, self.random.choice(told).number)
        return engagement.mark_read(actor, None)

    # Accounts

    def _registered(self) -> int | None:
        registered = [user for user in self.model.living if self.model.users[user].is_registered]
        return self.random.choice(registered) if registered else None

    def _update_profile(self) -> Operation | None:
        actor = self._registered()
        if actor is None:
            return None
        number = next(self._count)
        changes = {
            "displayName": f"Name {number}", "bio": f"About {number} ✓", "pictureUrl": f"https://p.example/{number}",
        }
        kept = self.random.sample(sorted(changes), self.random.randint(1, 3))
        return accounts.update_profile(actor, {name: changes[name] for name in kept})

    def _change_privacy(self) -> Operation:
        actor = self.actor()
        return accounts.set_private(self.model, actor, not self.model.users[actor].is_private)

    def _delete_user(self) -> Operation | None:
        actor = self._registered()
        if actor is None or len(self.model.living) < len(self.model.users) * 3 // 4:
            return None
        by = self.actor() if self.random.random() < 0.2 else 0
        return accounts.delete_user(actor, by)
