"""Lists, read page by page to their end."""

from __future__ import annotations

from typing import Any, Callable

from gateway import Answer, Gateway

# No list of a run has so many pages: one that does goes round in circles.
MOST_PAGES = 20_000


class BadPage(Exception):
    """A page that breaks the rules of all lists."""


def read_list(
    gateway: Gateway, path: str, actor: int, limit: int, items: Callable[[Answer], list[Any]] | None = None
) -> tuple[list[Any], list[Answer]]:
    """All items of a list, and its pages. Raises `BadPage` when a page is refused or too long."""
    found: list[Any] = []
    pages: list[Answer] = []
    cursor = ""
    separator = "&" if "?" in path else "?"
    while True:
        page = gateway.read(f"{path}{separator}limit={limit}{cursor}", actor)
        if page.status != 200:
            raise BadPage(f"{path} for {actor}, page {len(pages)}: {page.status} {page.json}")
        entries = page.value("items") if items is None else items(page)
        if len(entries) > limit:
            raise BadPage(f"{path} for {actor}: a page of {len(entries)} items where {limit} were asked for")
        found += entries
        pages.append(page)
        following = page.value("nextCursor")
        if not following:
            return found, pages
        if len(pages) == MOST_PAGES:
            raise BadPage(f"{path} for {actor} does not end")
        cursor = f"&cursor={following}"
