"""The daemon's HTTP interface, for many threads: one connection each, kept open."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from daemon import Daemon, DaemonFailed

# How long a request that is told to come again later comes again.
PATIENCE_SECONDS = 120.0
# A request may wait for a thread of a stopped or busy machine.
ANSWER_SECONDS = 120.0
# The daemon closes connections that are silent for longer.
IDLE_SECONDS = 15.0


class Unanswered(Exception):
    """The daemon was killed before the answer came: whether the request was carried out is not known."""


class Unexpected(Exception):
    """The daemon did not behave as an HTTP server should."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        return self.json.get("code", "") if isinstance(self.json, dict) else ""

    @property
    def lsn(self) -> int:
        """The place of a write in the log; 0 when the answer names none."""
        return int(self.json.get("lsn", 0)) if isinstance(self.json, dict) else 0

    @property
    def is_replay(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"

    def value(self, path: str) -> Any:
        """A member by its path, `post.id`; None when there is none."""
        found = self.json
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found


class Gateway:
    """Calls over HTTP. Who acts is said by the header or, where sessions are given, by their tokens."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        # What proves who acts: set where the daemon asks for tokens.
        self.sessions: Any = None
        # The last write that was answered: reads wait for it.
        self.lsn = 0
        self._lock = threading.Lock()
        self._local = threading.local()

    def saw(self, lsn: int) -> None:
        """Notes that a write was answered."""
        with self._lock:
            self.lsn = max(self.lsn, lsn)

    def read(self, path: str, actor: int = 0) -> Answer:
        """A GET that sees every write that was answered before."""
        return self.call("GET", path, actor, headers={"X-Min-Lsn": str(self.lsn)})

    def call(
        self, method: str, path: str, actor: int = 0, body: Any = None, key: str = "",
        headers: dict[str, str] | None = None, admin: bool = False,
    ) -> Answer:
        """Sends a request until it is answered. Those that may not be repeated by themselves need a key."""
        fields = dict(headers or {})
        if key:
            fields["Idempotency-Key"] = key
        if actor and not admin:
            fields.update(self.sessions.headers(actor) if self.sessions else {"X-Actor-Id": str(actor)})
        content = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            fields["Content-Type"] = "application/json"
        return self._until_answered(method, path, content, fields, admin, repeats=bool(key) or method == "GET")

    def _until_answered(
        self, method: str, path: str, content: bytes | None, fields: dict[str, str], admin: bool, repeats: bool,
    ) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        breaks = 0
        while True:
            try:
                answer = self._exchange(method, path, content, fields, admin)
            except (OSError, http.client.HTTPException) as error:
                self._drop(admin)
                if self.daemon.is_dying:
                    raise Unanswered(f"{method} {path}") from error
                if self.daemon.has_ended:
                    raise DaemonFailed(f"it ended by itself:\n{self.daemon.log_end()}") from error
                breaks += 1
                if not repeats or breaks > 5:
                    raise Unexpected(f"{method} {path}: the connection broke: {error!r}") from error
                continue
            if answer.status != 503 or time.monotonic() > deadline:
                return answer
            if "retry-after" not in answer.headers:
                raise Unexpected(f"{method} {path}: 503 without Retry-After: {answer.json}")
            time.sleep(0.1)

    def _exchange(
        self, method: str, path: str, content: bytes | None, fields: dict[str, str], admin: bool
    ) -> Answer:
        connection = self._connection(admin)
        connection.request(method, path, body=content, headers=fields)
        response = connection.getresponse()
        data = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("connection", "").lower() == "close":
            self._drop(admin)
        kind = headers.get("content-type", "").split(";")[0]
        if kind in ("application/json", "application/problem+json"):
            return Answer(response.status, headers, json.loads(data))
        return Answer(response.status, headers, data.decode(errors="replace"))

    def _connections(self) -> dict[bool, tuple[http.client.HTTPConnection, float]]:
        """This thread's, to the daemon as it lives now, and when each was used last."""
        if getattr(self._local, "life", None) != self.daemon.lives:
            self._local.life = self.daemon.lives
            self._local.connections = {}
        return self._local.connections

    def _connection(self, admin: bool) -> http.client.HTTPConnection:
        now = time.monotonic()
        connection, used_at = self._connections().get(admin, (None, now))
        if connection is None or now - used_at > IDLE_SECONDS:
            self._drop(admin)
            host, port = self.daemon.admin if admin else self.daemon.http
            connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        self._connections()[admin] = (connection, now)
        return connection

    def _drop(self, admin: bool) -> None:
        connection, _ = self._connections().pop(admin, (None, 0.0))
        if connection is not None:
            connection.close()
