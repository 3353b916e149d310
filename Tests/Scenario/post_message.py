"""Posts and comments as JSON has to show them."""

from __future__ import annotations

from typing import Any

from engagement_operations import REACTIONS
from model import Model, Post
from parts import Parts


class PostMessages:
    """Compares what was read with the model."""

    def __init__(self, model: Model, parts: Parts) -> None:
        self.model = model
        self.parts = parts

    def counts(self, post: Post) -> dict[str, Any]:
        """Kinds that nobody chose are absent. What was done by accounts that are gone still counts."""
        kinds = list(post.reactions.values())
        return {
            "likes": str(len(kinds)),
            "comments": str(sum(not self.model.comments[comment].is_deleted for comment in post.comments)),
            "reposts": str(sum(not self.model.posts[repost].is_deleted for repost in post.reposts)),
            "reactions": {kind: str(kinds.count(kind)) for kind in REACTIONS if kind in kinds},
        }

    def differences(self, found: dict[str, Any], post: Post) -> list[str]:
        """What a post or comment shows otherwise."""
        wrong = self.text_differences(found, post)
        if "reactions" in self.parts and "comments" in self.parts:
            counts = {"reactions": {}, **(found.get("counts") or {})}
            if counts != self.counts(post):
                wrong.append(f"counts are {counts}, expected {self.counts(post)}")
        return wrong

    def text_differences(self, found: dict[str, Any], post: Post) -> list[str]:
        """The same without what others did with it."""
        wanted: dict[str, Any] = {
            "id": str(post.id), "authorId": str(post.author), "text": post.text, "createdAt": post.created_at,
            "state": "PUBLISHED", "editedAt": post.edited_at or None,
        }
        if post.post:
            wanted["postId"] = str(post.post)
        else:
            wanted |= {
                "kind": post.kind, "visibility": post.visibility, "mediaUrl": post.media_url or None,
                "thumbnailUrl": post.thumbnail_url or None, "replyTo": str(post.reply_to) if post.reply_to else None,
                "repostOf": str(post.repost_of) if post.repost_of else None,
            }
        return [
            f"{name} is {found.get(name)!r}, expected {value!r}" for name, value in wanted.items()
            if found.get(name) != value
        ]

    def profile_differences(self, found: dict[str, Any], user: int) -> list[str]:
        """What is shown otherwise of an account, beside its posts or by itself."""
        known = self.model.users[user]
        wanted: dict[str, Any] = {"id": str(user)}
        if "accounts" in self.parts and known.is_registered:
            wanted |= {
                "username": known.username, "displayName": known.display_name,
                "pictureUrl": known.picture_url or None,
            }
        return [
            f"{name} is {found.get(name)!r}, expected {value!r}" for name, value in wanted.items()
            if (found.get(name) or None) != (value or None)
        ]
