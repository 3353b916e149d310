"""The scenario: users do what users do, the process dies in between, and everything stays as the definition says."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import engagement_operations as engagement
import graph_operations as graph
import post_operations as posts
from account_checks import check_accounts
from daemon import Daemon
from differences import Differences, Disagreement
from examination import Examination
from feed_checks import check_feeds
from gateway import Gateway, Unanswered
from graph_checks import check_lists, check_relationships, check_users
from model import FOR_EVER, Model
from notification_checks import check_notifications
from operation import Operation, bond
from parts import Parts
from post_checks import check_engagement, check_posts
from rounds import Rounds
from session_checks import check_sessions
from sessions import Sessions, address, display_name
from walk import Walk

# Writes that are under way at the same time, and feeds that are read beside them.
ROUND = 32
PROBES = 3
# Writes of which the kill comes in the midst.
KILLED_ROUND = 64
# Mutes that end while the scenario runs.
SHORT_MUTE_SECONDS = 4
# Workers at each start, one after the other: a data directory opens with any number.
WORKERS = (2, 3, 1, 4)


@dataclass
class Plan:
    """What a run is."""

    seed: int
    users: int
    steps: int
    phases: int
    restarts: int
    lanes: int
    is_authenticated: bool
    celebrity_threshold: int


class Scenario:
    """One run."""

    def __init__(self, plan: Plan, daemon: Daemon, parts: Parts, gateway: Gateway) -> None:
        self.plan = plan
        self.daemon = daemon
        self.parts = parts
        self.gateway = gateway
        self.random = random.Random(plan.seed)
        self.model = Model()
        self.sessions = Sessions(gateway)
        # One lane more for what looks on.
        self.pool = ThreadPoolExecutor(plan.lanes + PROBES)
        self.rounds = Rounds(gateway, self.model, self.pool, self.random)
        self.walk = Walk(self.random, self.model, parts, by_rows=not plan.is_authenticated)
        self.checks = 0
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begin:7.1f} s] {text}", flush=True)

    def run(self) -> None:
        self._make_users()
        self._make_graph()
        self.check("after the beginning")
        kills = [
            max(1, (number + 1) * self.plan.phases // (self.plan.restarts + 1)) for number in range(self.plan.restarts)
        ]
        for phase in range(1, self.plan.phases + 1):
            self._walk(self.plan.steps // self.plan.phases)
            self._rise_and_fall(phase)
            self._burst()
            self._come_again()
            self.check(f"after phase {phase}", everybody=phase == self.plan.phases)
            for _ in range(kills.count(phase)):
                self._kill()
                self.check("after the kill")
        self.daemon.stop()
        self.daemon.verify()
        self._sum_up()

    def _sum_up(self) -> None:
        counters, model = self.rounds.counters, self.model
        users = list(model.users.values())
        celebrities = sum(count >= self.plan.celebrity_threshold for count in model.most_followers.values())
        self.say(
            f"{len(users)} accounts, {sum(user.is_deleted for user in users)} of them deleted, "
            f"{sum(user.is_private for user in users)} private; {celebrities} were celebrities; "
            f"{sum(map(len, model.blocks.values()))} blocks, {sum(map(len, model.mutes.values()))} mutes; "
            f"{len(model.posts)} posts, {sum(post.is_deleted for post in model.posts.values())} of them deleted, "
            f"{len(model.comments)} comments, {sum(len(post.reactions) for post in model.posts.values())} reactions")
        self.say(
            f"done: {counters.writes} writes ({counters.refused} refused, {counters.unchanged} that changed nothing), "
            f"{self.checks} checks of everything, {counters.probes} feeds read while others wrote; "
            f"{self.plan.restarts} kills with {counters.unanswered} writes unanswered, of which "
            f"{counters.found_done} had been done, and {counters.repeated} answered ones repeated")

    # The beginning

    def _make_users(self) -> None:
        """Registered ones, where that is offered, and, where anybody may act, ids that are used without it."""
        offers_accounts = "accounts" in self.parts
        registered = self.plan.users if self.plan.is_authenticated else self.plan.users // 2 * offers_accounts
        names = [f"user.{self.plan.seed}.{number}" for number in range(registered)]

        # Ids rise with the log.
        for user, name in sorted(zip(self.pool.map(self.sessions.register, names), names)):
            self._add_registered(user, name)
        if self.plan.is_authenticated:
            self.gateway.sessions = self.sessions
        # Some are too large for floating point numbers.
        others = [number if number % 7 else 2**53 + number for number in range(1, self.plan.users - registered + 1)]
        for user in others:
            self.model.add_user(user)
        self.walk.settle()
        if others:
            # One request, so that they are used in this order.
            first = [(user, f"first post of {user}") for user in others]
            self.rounds.run([self.walk.named(posts.import_posts(others[0], first))])
        for user in list(self.model.users)[:registered]:
            draft = posts.Draft(f"first post of {user}")
            self.rounds.run([self.walk.named(posts.create_post(self.model, user, draft))])
        self.say(f"{self.plan.users} users, {registered} of them registered")

    def _add_registered(self, user: int, name: str) -> None:
        added = self.model.add_user(user)
        added.username, added.email, added.display_name = name, address(name), display_name(name)

    def _make_graph(self) -> None:
        operations: list[Operation] = []
        for user in self.model.users:
            followees = {self.walk.famous() for _ in range(self.random.randint(2, max(3, self.plan.users // 6)))}
            followees.discard(user)
            operations.append(graph.import_follows(user, [(user, followee) for followee in sorted(followees)]))
        for start in range(0, len(operations), ROUND):
            self.rounds.run([self.walk.named(operation) for operation in operations[start:start + ROUND]])
        self.say(f"{sum(map(len, self.model.following.values()))} edges")

    # What happens

    def _walk(self, steps: int) -> None:
        before = self.rounds.counters.writes
        while self.rounds.counters.writes < before + steps:
            size = min(ROUND, before + steps - self.rounds.counters.writes)
            self.rounds.run(self.walk.round(size), PROBES)
        self.say(f"{self.rounds.counters.writes} writes, {len(self.model.posts)} posts")

    def _rise_and_fall(self, phase: int) -> None:
        """One user is followed by many within a moment, who leave in the next phase; it posts all the time."""
        star = list(self.model.users)[self.plan.seed % len(self.model.users)]
        if self.model.users[star].is_deleted:
            return
        fans = [user for user in self.model.living if user != star][: self.plan.celebrity_threshold + 5]
        change = graph.follow if phase % 2 else graph.unfollow
        operations = [change(fan, star) for fan in fans]
        operations += [
            posts.create_post(self.model, star, posts.Draft(f"phase {phase}, {number}")) for number in range(6)]
        self.random.shuffle(operations)
        self.rounds.run([self.walk.named(operation) for operation in operations], PROBES)

    def _burst(self) -> None:
        """Everybody who sees one post reacts to it at once."""
        if "reactions" not in self.parts:
            return
        live = [post for post in list(self.model.posts.values())[-50:] if self.model.is_live(post)]
        if not live:
            return
        post = max(live, key=lambda post: len(self.model.followers[post.author]))
        operations = [
            engagement.react(self.model, user, post.id, self.random.choice(engagement.REACTIONS))
            for user in self.model.living
        ]
        self.rounds.run([self.walk.named(operation) for operation in operations], PROBES)

    def _come_again(self) -> None:
        """The name of an account that is gone is free again; who takes it has nothing of what was there before."""
        taken = {user.username for user in self.model.users.values() if not user.is_deleted}
        for user in list(self.model.users.values()):
            if user.is_registered and user.is_deleted and user.username not in taken:
                taken.add(user.username)
                self._add_registered(self.sessions.register(user.username), user.username)

    def _kill(self) -> None:
        """The end of the process in the midst of many writes, with mutes that end while it is down or starts."""
        muted = self._mute_for_short()
        untouched = {bond(*pair) for pair in muted}
        self._take_snapshot()
        # So that the snapshot is not all that there is to start from.
        self.rounds.run(self.walk.round(ROUND, untouched))
        workers = WORKERS[self.daemon.lives % len(WORKERS)]
        # Another one may just be written when the kill comes.
        beside = self._take_snapshot if self.random.random() < 0.5 else None
        ready = self.rounds.run_through_kill(self.walk.round(KILLED_ROUND, untouched), workers, beside)
        counters = self.rounds.counters
        self.say(
            f"killed and started: {ready}; so far {counters.unanswered} writes unanswered, of which "
            f"{counters.found_done} were found done")
        self._await_end_of_mutes(muted)

    def _take_snapshot(self) -> None:
        try:
            answer = self.gateway.call("POST", "/admin/snapshot", body={}, admin=True)
        except Unanswered:
            return
        if answer.status != 200:
            raise Disagreement(f"no snapshot was taken: {answer.status} {answer.json}")

    def _mute_for_short(self) -> list[tuple[int, int]]:
        """Some mute one whom they follow, for seconds."""
        if "relations" not in self.parts:
            return []
        until = float(int(time.time()) + SHORT_MUTE_SECONDS)
        operations: list[Operation] = []
        for user in self.random.sample(self.model.living, min(8, len(self.model.living))):
            followed = [one for one in sorted(self.model.following[user]) if one not in self.model.mutes[user]]
            if followed:
                operations.append(graph.mute(user, self.random.choice(followed), until, may_be_late=True))
        self.rounds.run([self.walk.named(operation) for operation in operations])
        pairs = [
            (user, target) for user, mutes in self.model.mutes.items() for target in mutes if mutes[target] == until
        ]
        differences = Differences()
        for user, target in pairs:
            self._check_muted(user, target, until, differences)
        differences.raise_if_any("while some are muted for a short time")
        return pairs

    def _check_muted(self, user: int, target: int, until: float, differences: Differences) -> None:
        page = self.gateway.read(f"/v1/users/{user}/feed?hydrate=false&limit=200", user)
        if time.time() > until - 0.5:
            return
        shown = [item["postId"] for item in page.value("items") if int(item["authorId"]) == target]
        differences.expect(shown, [], f"posts of {target} in the feed of {user}, who mutes it")

    def _await_end_of_mutes(self, pairs: list[tuple[int, int]]) -> None:
        """Nobody writes meanwhile: the mutes end all the same."""
        if not pairs:
            return
        end = max(self.model.mutes[user][target] for user, target in pairs)
        time.sleep(max(0.0, end + 0.2 - time.time()))
        self.model.end_mutes(end)
        deadline = time.monotonic() + 60
        for user, target in pairs:
            while self.gateway.read(f"/v1/users/{user}/relationships/{target}", user).value("muting"):
                if time.monotonic() > deadline:
                    raise Disagreement(f"the mute of {target} by {user} has not ended")
                time.sleep(0.05)
        self.say(f"{len(pairs)} mutes have ended")

    # Looking at everything

    def _await_sweep(self) -> None:
        """What accounts that are gone have left with others is cleared away some time after their deletion."""
        deadline = time.monotonic() + 60
        for user in self.model.neighbours_of_deleted:
            wanted = (str(len(self.model.followers[user])), str(len(self.model.following[user])))
            while wanted != self._edge_counts(user) and time.monotonic() < deadline:
                time.sleep(0.05)
        self.model.neighbours_of_deleted.clear()
        self.model.uncleared.clear()

    def _edge_counts(self, user: int) -> tuple[str, str] | None:
        if self.model.users[user].is_deleted:
            return (str(len(self.model.followers[user])), str(len(self.model.following[user])))
        answer = self.gateway.read(f"/v1/users/{user}")
        return (answer.value("followerCount"), answer.value("followingCount"))

    def check(self, where: str, everybody: bool = False) -> None:
        begin = time.monotonic()
        differences = Differences()
        look = Examination(
            self.gateway, self.model, self.parts, self.pool, f"{self.plan.seed} {self.checks}",
            viewers=self.plan.users if everybody else max(5, self.plan.users // 8),
            is_authenticated=self.plan.is_authenticated, differences=differences)
        self._await_sweep()
        if "accounts" in self.parts:
            registered = [user for user in self.model.living if self.model.users[user].is_registered]
            if registered:
                check_sessions(
                    self.gateway, self.sessions, look.random("session").choice(registered),
                    self.plan.is_authenticated, differences)
            check_accounts(look)
        check_feeds(look)
        check_users(look, self.plan.celebrity_threshold)
        check_lists(look)
        check_posts(look)
        check_engagement(look)
        if "relations" in self.parts:
            check_relationships(look)
        if "notifications" in self.parts:
            check_notifications(look)
        differences.raise_if_any(where)
        self.checks += 1
        entries = sum(len(self.model.feed(reader)) for reader in self.model.living)
        self.say(f"{where}: all as defined; {entries} entries of feeds ({time.monotonic() - begin:.1f} s)")
