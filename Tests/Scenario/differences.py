"""What was found to be otherwise than the definition says."""

from __future__ import annotations

import threading

# More are counted, not kept.
KEPT = 40


class Disagreement(Exception):
    """The daemon and the definition say different things."""


class Differences:
    """A list that many threads add to."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        with self._lock:
            self._count += 1
            if len(self._found) < KEPT:
                self._found.append(text if len(text) < 2_000 else text[:2_000] + " ...")

    def expect(self, found: object, wanted: object, what: str) -> bool:
        """Notes it when the two are not equal."""
        if found == wanted:
            return True
        self.add(f"{what}: found {found!r}, expected {wanted!r}")
        return False

    def raise_if_any(self, where: str) -> None:
        if self._count:
            raise Disagreement(f"{where}: {self._count} differences\n  " + "\n  ".join(self._found))


def list_difference(found: list, wanted: list) -> str:
    """Where two lists of ids begin to differ, in few words."""
    missing = [one for one in wanted if one not in set(found)]
    extra = [one for one in found if one not in set(wanted)]
    twice = len(found) - len(set(found))
    pairs = enumerate(zip(found, wanted))
    place = next((place for place, pair in pairs if pair[0] != pair[1]), min(len(found), len(wanted)))
    return (
        f"{len(found)} instead of {len(wanted)}; {len(missing)} lost {missing[:3]}, {len(extra)} that do not belong "
        f"{extra[:3]}, {twice} shown twice; they differ from place {place} on")
