"""The cookie that a session's token travels in.

Over https its name begins with `__Host-`: browsers take such a cookie from this very host alone, with `Secure`, for
every path, so that no neighbouring host can plant one. Over plain http, on the machine itself or in a network that is
trusted, some browsers refuse both, and the name goes without. Which of the two it is, the browser says in `Origin`.
"""

from collections.abc import Iterable

from penstock.errors import InvalidRequest
from penstock.tenants.sessions import LIFE_SECONDS

PLAIN_NAME = "penstock_session"
SECURE_NAME = f"__Host-{PLAIN_NAME}"


def token_of(headers: Iterable[tuple[bytes, bytes]], *, secure: bool) -> str:
    """The session's token, "" without one. Over https (`secure`) only the cookie with the safe name counts.

    Raises InvalidRequest where two differ: guessing which one is meant would help whoever planted the other.
    """
    found: dict[str, set[str]] = {PLAIN_NAME: set(), SECURE_NAME: set()}
    for name, value in headers:
        if name != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            cookie, _, token = pair.strip().partition("=")
            if cookie in found:
                found[cookie].add(token)
    given = found[SECURE_NAME] or (set() if secure else found[PLAIN_NAME])
    if len(given) > 1:
        raise InvalidRequest("The request carries two different sessions. Delete the cookies of this site.")
    return given.pop() if given else ""


def kept(token: str, *, secure: bool) -> str:
    """The value of Set-Cookie that lets a browser keep a token."""
    return _cookie(token, secure=secure, seconds=int(LIFE_SECONDS))


def taken_back(*, secure: bool) -> str:
    """The value of Set-Cookie that lets a browser forget it."""
    return _cookie("", secure=secure, seconds=0)


def _cookie(token: str, *, secure: bool, seconds: int) -> str:
    name, more = (SECURE_NAME, "; Secure") if secure else (PLAIN_NAME, "")
    # Strict would sign out whoever follows a link from a mail or a chat; what changes anything has its Origin checked.
    return f"{name}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{more}"
