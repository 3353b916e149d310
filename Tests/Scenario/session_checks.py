"""That tokens are worth what they should be, and no more."""

from __future__ import annotations

from differences import Differences
from gateway import Gateway
from sessions import Sessions


def check_sessions(
    gateway: Gateway, sessions: Sessions, user: int, needs_tokens: bool, differences: Differences
) -> None:
    """Walks through the life of one user's session; at the end the user is logged in again."""

    def status(token: str) -> int:
        return gateway.call("GET", "/v1/feed", headers={"Authorization": f"Bearer {token}"}).status

    old_refresh = sessions.refresh_token(user)
    sessions.refresh_now(user)
    fresh = sessions.headers(user)["Authorization"].removeprefix("Bearer ")
    if needs_tokens:
        differences.expect(status(fresh), 200, f"the feed of {user} with a new token")
        differences.expect(status(fresh[:-2] + ("AA" if fresh[-2:] != "AA" else "BB")), 401, "a token that was changed")
        differences.expect(gateway.call("GET", "/v1/feed").status, 401, "the feed without a token")
    # A refresh token that was used before is a stolen one: the whole session ends.
    again = gateway.call("POST", "/v1/auth/refresh", 0, {"refreshToken": old_refresh})
    differences.expect(again.status, 401, f"the refresh token of {user}, used twice")
    newest = gateway.call("POST", "/v1/auth/refresh", 0, {"refreshToken": sessions.refresh_token(user)})
    differences.expect(newest.status, 401, f"the newest refresh token of {user}, of a session that was ended")
    if needs_tokens:
        differences.expect(status(fresh), 401, f"the token of {user}, of a session that was ended")
    sessions.log_in(user)
    ended = sessions.log_out(user)
    if needs_tokens:
        differences.expect(status(ended), 401, f"the token of {user} after it logged out")
    sessions.log_in(user)
    wrong = gateway.call("POST", "/v1/auth/login", 0, {"username": "nobody", "password": "not the password"})
    differences.expect(wrong.status, 401, "logging in without an account")
