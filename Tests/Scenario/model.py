"""What feeds, lists and counters are by definition: the writes in the order of the log, and nothing else."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field

from notification_model import NotificationModel

FOR_EVER = math.inf

# Ids begin with the milliseconds since this moment.
ID_EPOCH = 1_288_834_974_657


@dataclass
class User:
    """An account. Those that were never registered have an id and nothing more."""

    id: int
    # The how manieth account that was used: lists of accounts are in this order.
    order: int
    username: str = ""
    email: str = ""
    display_name: str = ""
    bio: str = ""
    picture_url: str = ""
    is_private: bool = False
    is_deleted: bool = False

    @property
    def is_registered(self) -> bool:
        return self.username != ""


@dataclass
class Post:
    """A post or a comment: what can be seen, reacted to, changed and deleted."""

    id: int
    author: int
    text: str
    kind: str = "TEXT"
    media_url: str = ""
    thumbnail_url: str = ""
    visibility: str = "PUBLIC"
    reply_to: int = 0
    repost_of: int = 0
    # Of a comment: the post that it is about.
    post: int = 0
    edited_at: str = ""
    is_deleted: bool = False
    # By user.
    reactions: dict[int, str] = field(default_factory=dict)
    # Ids of what was said about it, and of what repeats it; deleted ones too.
    comments: list[int] = field(default_factory=list)
    reposts: list[int] = field(default_factory=list)

    @property
    def created_at(self) -> str:
        """By the id, as JSON shows it."""
        milliseconds = (self.id >> 22) + ID_EPOCH
        time = datetime.datetime.fromtimestamp(milliseconds // 1000, datetime.timezone.utc)
        fraction = f".{milliseconds % 1000:03}" if milliseconds % 1000 else ""
        return time.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


class Model:
    """The state that every read has to show."""

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.posts: dict[int, Post] = {}
        self.comments: dict[int, Post] = {}
        self.posts_by_author: dict[int, list[int]] = {}
        self.following: dict[int, set[int]] = {}
        self.followers: dict[int, set[int]] = {}
        # Who asked, the oldest first.
        self.requests: dict[int, list[int]] = {}
        self.blocks: dict[int, set[int]] = {}
        # Until when, in seconds since 1970.
        self.mutes: dict[int, dict[int, float]] = {}
        self.notifications = NotificationModel()
        # Accounts that followed or were followed by one that was deleted since somebody looked.
        self.neighbours_of_deleted: set[int] = set()
        # Followers that are gone, but may still be counted where it is decided how an author's posts are delivered.
        self.uncleared: dict[int, int] = {}
        # How many followers an author has had at most, those included.
        self.most_followers: dict[int, int] = {}

    def add_user(self, user: int) -> User:
        """An account is there from its first use."""
        added = User(user, order=len(self.users))
        self.users[user] = added
        for table in (self.posts_by_author, self.requests):
            table[user] = []
        for table in (self.following, self.followers, self.blocks):
            table[user] = set()
        self.mutes[user] = {}
        self.most_followers[user] = 0
        return added

    def delete_user(self, user: int) -> None:
        """Takes an account out of all that can be read; what others wrote about its posts goes with these."""
        self.users[user].is_deleted = True
        self.neighbours_of_deleted |= self.following[user] | self.followers[user]
        for other in list(self.following[user]):
            self.unfollow(user, other)
            self.uncleared[other] = self.uncleared.get(other, 0) + 1
        for other in list(self.followers[user]):
            self.unfollow(other, user)
        for other in self.users:
            self.cancel_request(user, other)
        self.requests[user] = []

    @property
    def living(self) -> list[int]:
        return [user.id for user in self.users.values() if not user.is_deleted]

    def in_order(self, users: set[int] | dict[int, float]) -> list[int]:
        """Accounts that are there, as lists show them."""
        alive = (user for user in users if not self.users[user].is_deleted)
        return sorted(alive, key=lambda user: self.users[user].order)

    # Graph

    def follows(self, follower: int, followee: int) -> bool:
        return followee in self.following[follower]

    def is_waiting(self, requester: int, target: int) -> bool:
        return requester in self.requests[target]

    def is_walled(self, one: int, other: int) -> bool:
        """Whether one of the two blocks the other."""
        return other in self.blocks[one] or one in self.blocks[other]

    def hides(self, user: int, other: int) -> bool:
        """Whether what the other one does is not shown to the user."""
        return self.is_walled(user, other) or other in self.mutes[user] or self.users[other].is_deleted

    def follow(self, follower: int, followee: int) -> None:
        self.cancel_request(follower, followee)
        self.following[follower].add(followee)
        self.followers[followee].add(follower)
        count = len(self.followers[followee]) + self.uncleared.get(followee, 0)
        self.most_followers[followee] = max(self.most_followers[followee], count)

    def unfollow(self, follower: int, followee: int) -> None:
        self.following[follower].discard(followee)
        self.followers[followee].discard(follower)

    def ask(self, requester: int, target: int) -> None:
        if not self.is_waiting(requester, target):
            self.requests[target].append(requester)

    def cancel_request(self, requester: int, target: int) -> None:
        if self.is_waiting(requester, target):
            self.requests[target].remove(requester)

    def block(self, user: int, target: int) -> None:
        """Ends what is between the two, and keeps them apart."""
        for one, other in ((user, target), (target, user)):
            self.unfollow(one, other)
            self.cancel_request(one, other)
        self.blocks[user].add(target)

    # Posts

    def add_post(self, post: Post) -> None:
        self.posts[post.id] = post
        self.posts_by_author[post.author].append(post.id)
        if post.repost_of:
            self.posts[post.repost_of].reposts.append(post.id)

    def add_comment(self, comment: Post) -> None:
        self.comments[comment.id] = comment
        self.posts[comment.post].comments.append(comment.id)

    def is_live(self, post: Post) -> bool:
        return not post.is_deleted and not self.users[post.author].is_deleted

    def sees(self, viewer: int, post: Post) -> bool:
        """Whether the viewer may see a post; 0 stands for somebody of whom nothing is known."""
        if not self.is_live(post):
            return False
        is_for_all = post.visibility == "PUBLIC" and not self.users[post.author].is_private
        if viewer == 0:
            return is_for_all
        if viewer == post.author:
            return True
        if self.is_walled(viewer, post.author):
            return False
        return is_for_all or self.follows(viewer, post.author)

    def sees_comment(self, viewer: int, comment: Post) -> bool:
        return self.is_live(comment) and self.sees(viewer, self.posts[comment.post])

    def sees_followers(self, viewer: int, user: int) -> bool:
        """Whether the viewer may see who follows an account."""
        return not self.users[user].is_private or viewer == user or (viewer != 0 and self.follows(viewer, user))

    # Feeds

    def shown_authors(self, reader: int, now: float = -math.inf) -> set[int]:
        """Whose posts are in a reader's feed. Mutes count that end after `now`: all of them when it is not given."""
        muted = {author for author, until in self.mutes[reader].items() if until > now}
        return {
            author for author in self.following[reader] if author not in muted and not self.users[author].is_deleted
        }

    def feed(self, reader: int) -> list[int]:
        """The visible posts of all accounts that the reader follows, newest first."""
        return self.newest(
            post for author in self.shown_authors(reader) for post in self.posts_by_author[author]
            if not self.posts[post].is_deleted)

    def author_page(self, author: int, viewer: int) -> list[int]:
        """An author's posts that the viewer may see, newest first."""
        return self.newest(
            post for post in self.posts_by_author[author] if self.sees(viewer, self.posts[post]))

    def post_count(self, user: int) -> int:
        return sum(not self.posts[post].is_deleted for post in self.posts_by_author[user])

    @staticmethod
    def newest(posts) -> list[int]:
        """Ids rise with the log."""
        return sorted(posts, reverse=True)

    def end_mutes(self, now: float) -> list[tuple[int, int]]:
        """Forgets the mutes that have ended; returns who had muted whom."""
        ended = [
            (user, target) for user, mutes in self.mutes.items() for target, until in mutes.items() if until <= now
        ]
        for user, target in ended:
            del self.mutes[user][target]
        return ended
