"""Which parts of the API a daemon offers, by its own description: `/openapi.json`."""

from __future__ import annotations

import re
from typing import Any

# The routes of each part, as the API's page names them. A part counts as offered when all of them are there.
PARTS: dict[str, list[str]] = {
    "posts": [
        "POST /v1/posts", "GET /v1/posts", "GET /v1/posts/{}", "DELETE /v1/posts/{}", "GET /v1/users/{}/posts",
        "POST /v1/batch/posts",
    ],
    "graph": [
        "PUT /v1/users/{}/following/{}", "DELETE /v1/users/{}/following/{}", "POST /v1/users/{}/follow",
        "DELETE /v1/users/{}/unfollow", "GET /v1/users/{}/following", "GET /v1/users/{}/followers", "GET /v1/users/{}",
        "GET /v1/users/{}/fanout-mode", "POST /v1/batch/follows",
    ],
    "feeds": ["GET /v1/feed", "GET /v1/users/{}/feed"],
    "relations": [
        "PUT /v1/users/{}/blocks/{}", "DELETE /v1/users/{}/blocks/{}", "PUT /v1/users/{}/mutes/{}",
        "DELETE /v1/users/{}/mutes/{}", "GET /v1/users/{}/relationships/{}", "GET /v1/users/{}/follow-requests",
        "POST /v1/users/{}/follow-requests/{}:accept", "POST /v1/users/{}/follow-requests/{}:reject",
    ],
    "edits": ["PATCH /v1/posts/{}"],
    "reactions": [
        "PUT /v1/posts/{}/reaction", "DELETE /v1/posts/{}/reaction", "POST /v1/posts/{}/like",
        "DELETE /v1/posts/{}/like", "GET /v1/posts/{}/reactions",
    ],
    "comments": [
        "POST /v1/posts/{}/comments", "GET /v1/posts/{}/comments", "PATCH /v1/comments/{}", "DELETE /v1/comments/{}",
        "PUT /v1/comments/{}/reaction",
    ],
    "notifications": ["GET /v1/notifications", "POST /v1/notifications:markRead"],
    "accounts": [
        "POST /v1/auth/register", "POST /v1/auth/login", "POST /v1/auth/refresh", "POST /v1/auth/logout",
        "GET /v1/users", "GET /v1/users/by-username/{}", "PATCH /v1/users/{}", "DELETE /v1/users/{}",
        "GET /v1/users/{}/export",
    ],
    "moderation": [
        "GET /v1/moderation/pending", "POST /v1/moderation/{}:approve", "POST /v1/moderation/{}:block",
        "GET /v1/moderation/rules", "PUT /v1/moderation/rules",
    ],
}

# Without these there is nothing to walk through.
NEEDED = ["posts", "graph", "feeds"]


class PartMissing(Exception):
    """The daemon does not offer what the run was told to require, or offers half of it."""


class Parts:
    """The parts that are offered."""

    def __init__(self, document: dict[str, Any]) -> None:
        routes = {
            f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
            for path, methods in document["paths"].items()
            for method in methods
        }
        self.offered: set[str] = set()
        self.missing: dict[str, list[str]] = {}
        for part, wanted in PARTS.items():
            absent = [route for route in wanted if route not in routes]
            if not absent:
                self.offered.add(part)
            else:
                self.missing[part] = absent

    def __contains__(self, part: str) -> bool:
        return part in self.offered

    def require(self, names: str) -> None:
        """Raises unless all parts of a list with commas are there; `all` names every part."""
        wanted = list(PARTS) if names == "all" else NEEDED + [name for name in names.split(",") if name]
        unknown = [name for name in wanted if name not in PARTS]
        if unknown:
            raise PartMissing(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
        lacking = [name for name in wanted if name not in self]
        if lacking:
            raise PartMissing(f"required, but not in /openapi.json: {', '.join(lacking)}")
