"""Accounts that were registered, and the tokens that say who acts."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from differences import Disagreement
from gateway import Answer, Gateway


@dataclass
class Session:
    """What one user got when it registered, logged in or refreshed."""

    user: int
    username: str
    password: str
    access: str = ""
    refresh: str = ""
    renew_at: float = 0.0

    def take(self, answer: Answer) -> None:
        self.access = answer.value("accessToken")
        self.refresh = answer.value("refreshToken")
        # Well before the token expires.
        self.renew_at = time.monotonic() + int(answer.value("expiresIn")) / 2


def address(username: str) -> str:
    """Where the owner of a name gets mail."""
    return f"{username}@example.org"


def display_name(username: str) -> str:
    """What an account shows at first."""
    return f"Display {username}"


class Sessions:
    """The sessions of all registered users; they outlive the daemon's restarts."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._sessions: dict[int, Session] = {}
        self._locks: dict[int, threading.Lock] = {}

    def register(self, username: str) -> int:
        """Makes an account and logs in to it; returns its id. Nobody else gets the name then."""
        password = f"password of {username}"
        body = {
            "username": username, "email": address(username), "password": password,
            "displayName": display_name(username),
        }
        # Another request each time: an account that is gone does not come back.
        key = f"register-{username}-{len(self._sessions)}"
        answer = self.gateway.call("POST", "/v1/auth/register", 0, body, key)
        if answer.status != 201:
            raise Disagreement(f"{username} could not register: {answer.status} {answer.json}")
        user = int(answer.value("user.id"))
        self._check_taken(body, key + "-again")
        session = Session(user, username, password)
        session.take(answer)
        self._sessions[user] = session
        self._locks[user] = threading.Lock()
        self.gateway.saw(answer.lsn)
        return user

    def _check_taken(self, body: dict[str, str], key: str) -> None:
        """Not for each, since hashing a password takes long."""
        if len(self._sessions) % 10 == 0:
            shouted = body | {"username": body["username"].upper()}
            answer = self.gateway.call("POST", "/v1/auth/register", 0, shouted, key)
            if answer.status != 409:
                raise Disagreement(f"{body['username']} could register twice: {answer.status} {answer.json}")

    def headers(self, user: int) -> dict[str, str]:
        """What shows that this user acts."""
        session = self._sessions[user]
        with self._locks[user]:
            if time.monotonic() > session.renew_at:
                self._renew(session)
            return {"Authorization": f"Bearer {session.access}"}

    def _renew(self, session: Session) -> None:
        answer = self.gateway.call("POST", "/v1/auth/refresh", 0, {"refreshToken": session.refresh})
        if answer.status != 200:
            raise Disagreement(f"{session.username} could not refresh: {answer.status} {answer.json}")
        session.take(answer)

    def log_in(self, user: int) -> None:
        """Begins another session in the place of the one that there is."""
        session = self._sessions[user]
        body = {"username": session.username.upper(), "password": session.password}
        answer = self.gateway.call("POST", "/v1/auth/login", 0, body)
        if answer.status != 200 or int(answer.value("user.id")) != user:
            raise Disagreement(f"{session.username} could not log in: {answer.status} {answer.json}")
        session.take(answer)

    def log_out(self, user: int) -> str:
        """Ends the session; returns its access token, which is worth nothing from now on."""
        session = self._sessions[user]
        answer = self.gateway.call("POST", "/v1/auth/logout", 0, {"refreshToken": session.refresh})
        if answer.status != 200:
            raise Disagreement(f"{session.username} could not log out: {answer.status} {answer.json}")
        return session.access

    def refresh_token(self, user: int) -> str:
        return self._sessions[user].refresh

    def refresh_now(self, user: int) -> None:
        with self._locks[user]:
            self._renew(self._sessions[user])
