"""What a check works with."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Iterable

from differences import Differences
from gateway import Answer, Gateway
from model import Model
from pages import BadPage, read_list
from parts import Parts


@dataclass
class Examination:
    """One look at everything, while nobody writes."""

    gateway: Gateway
    model: Model
    parts: Parts
    pool: ThreadPoolExecutor
    seed: str
    # How many of the users look at every post; all of them at the end.
    viewers: int
    is_authenticated: bool
    differences: Differences

    def random(self, *names: object) -> random.Random:
        """The same for the same names, whatever thread asks."""
        return random.Random(f"{self.seed} {names}")

    def each(self, things: Iterable[Any], look: Callable[[Any], None]) -> None:
        """Looks at all of them, several at a time."""
        for _ in self.pool.map(look, list(things)):
            pass

    def list(
        self, path: str, actor: int, limit: int, items: Callable[[Answer], list[Any]] | None = None
    ) -> tuple[list[Any], list[Answer]] | None:
        """A list to its end; None when a page was wrong, which is noted."""
        try:
            return read_list(self.gateway, path, actor, limit, items)
        except BadPage as error:
            self.differences.add(str(error))
            return None

    def sample(self, users: list[int], count: int, *names: object) -> list[int]:
        """Some of them."""
        return users if count >= len(users) else self.random(*names).sample(users, count)

    def anybody(self, *names: object) -> int:
        """Somebody who reads what all may read, or 0 for nobody that is known."""
        return self.random(*names).choice([*self.model.living, 0])
