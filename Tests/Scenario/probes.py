"""Feeds that are read while others write."""

from __future__ import annotations

import random
import time

from differences import Differences
from gateway import Gateway
from model import Model
from pages import BadPage, read_list

# Mutes that end sooner may end while the feed is read.
SOON_SECONDS = 3_600.0


class FeedProbe:
    """Reads a whole feed page by page: no post may be skipped or repeated, whatever is written meanwhile.

    A post has to be there if it was to be seen before the writes and is after them; and it may be there only if its
    author was followed before or after, and if it was not deleted before.
    """

    def __init__(self, model: Model, reader: int, random: random.Random) -> None:
        self.reader = reader
        self._before = set(model.feed(reader))
        # Not more than some dozens of pages.
        self.limit = max(random.choice([1, 2, 3, 7, 20]), min(200, len(self._before) // 30))
        self._authors = self._possible_authors(model)
        self._deleted = {id for id, post in model.posts.items() if post.is_deleted}
        self.problem = ""

    def _possible_authors(self, model: Model) -> set[int]:
        return model.shown_authors(self.reader, now=time.time() + SOON_SECONDS)

    def read(self, gateway: Gateway) -> list[int]:
        try:
            items, _ = read_list(gateway, f"/v1/users/{self.reader}/feed?hydrate=false", self.reader, self.limit)
            return [int(item["postId"]) for item in items]
        except BadPage as error:
            self.problem = str(error)
            return []

    def check(self, model: Model, found: list[int], differences: Differences) -> None:
        """`model` is what it is after the writes."""
        what = f"the feed of {self.reader}, read while others wrote, {self.limit} a page"
        if self.problem:
            if not model.users[self.reader].is_deleted:
                differences.add(f"{what}: {self.problem}")
            return
        if any(newer <= older for newer, older in zip(found, found[1:])):
            differences.add(f"{what}: it is not in order, or shows a post twice: {found}")
        lost = self._before & set(model.feed(self.reader)) - set(found)
        if lost:
            differences.add(f"{what}: {len(lost)} posts are lost: {sorted(lost)[:5]}")
        authors = self._authors | self._possible_authors(model)
        for id in found:
            post = model.posts.get(id)
            if post is None or id in self._deleted or post.author not in authors:
                differences.add(f"{what}: {id} does not belong there")
